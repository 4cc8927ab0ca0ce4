"""Mutants: variants of the service with a deliberate bug, which the checkers and experiments must detect."""
