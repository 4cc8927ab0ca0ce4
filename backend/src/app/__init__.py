"""The hotel deals service."""
