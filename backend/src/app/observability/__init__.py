"""The log: its output, the facts about each request, and conditions that last."""
