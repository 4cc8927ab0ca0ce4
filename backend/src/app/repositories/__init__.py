"""Queries and writes of the catalogue; the only package that builds SQL statements for requests."""
