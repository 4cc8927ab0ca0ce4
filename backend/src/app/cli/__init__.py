"""`deals`: the command line."""
