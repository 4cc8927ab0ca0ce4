"""The way to PostgreSQL: engine, session, names of constraints, the embedded server."""
