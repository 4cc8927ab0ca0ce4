"""What the routers share: dependencies, the route class, query parameters, errors, links, OpenAPI."""
