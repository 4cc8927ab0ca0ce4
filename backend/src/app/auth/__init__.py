"""API keys: tokens, verification, the limit on failed attempts, and the dependencies of endpoints."""
