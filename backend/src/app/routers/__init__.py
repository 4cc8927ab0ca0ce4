"""HTTP: each handler is a sentence that hands plain data to a service."""
