"""Bugs, each planted on purpose, so that the checkers can be seen to find them. No part of the service."""
