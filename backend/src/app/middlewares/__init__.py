"""Pure ASGI middlewares, one class a file; `app.middleware` has their order."""
