"""Fault injection: run the service under faults, record the observations of its clients, and check them afterwards.

Modelled on Jepsen: clients record every operation in a history, a nemesis in a separate process injects faults, the
system is healed, and checkers compare the history with the contents of the database.
"""
