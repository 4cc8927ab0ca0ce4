"""Business operations. Independent of HTTP and SQL."""
