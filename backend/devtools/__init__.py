"""Tools for development; the production image does not contain them."""
