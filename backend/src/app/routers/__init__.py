"""HTTP endpoints. A handler passes validated values to a service and returns the result."""
