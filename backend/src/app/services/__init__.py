"""What the service does, in the catalogue's own words: no HTTP above, no SQL below."""
