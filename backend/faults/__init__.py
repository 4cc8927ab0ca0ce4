"""The fault suite: the service among faults, watched from outside, and what it was seen to do judged afterwards.

In the manner of Jepsen: clients note every operation in a history, a nemesis in a process of its own breaks things,
everything is healed, and checkers compare the history with what is in the database.
"""
