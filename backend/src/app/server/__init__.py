"""uvicorn: how the service is started and stopped. Every use of its internals is here."""
