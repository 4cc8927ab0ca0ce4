"""Benchmarks of the service against two controls: `deals bench`, or `python -m benchmarks` in `backend/`.

The controls are `bare`, a minimal ASGI handler that bounds the cost from below, and `tutorial`, FastAPI with ORM
entities as tutorials have it. Absolute figures depend on the machine; compare the ratios within one run.
"""
