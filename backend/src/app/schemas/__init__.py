"""Schemas of the HTTP API: parameters, request bodies and response bodies. Independent of HTTP and the database."""
