"""Shared by the routers: dependencies, the route class, query parameters, errors, responses, OpenAPI."""
