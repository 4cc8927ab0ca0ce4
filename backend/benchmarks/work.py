"""The inside of a measuring process: each line that comes in is a plan, each line that goes out a result, as JSON.

Imports nothing heavy, for the memory and the start of such a process are measured too.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Plan = Mapping[str, Any]
Result = dict[str, Any]


@contextmanager
def conversation() -> Iterator[tuple[Iterator[Plan], Callable[[Result], None]]]:
    """The plans as they come, and the way to answer. What else goes to standard output is thrown away."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        with open(os.devnull, "w") as nothing:  # noqa: PTH123  a device, not a path
            os.dup2(nothing.fileno(), sys.stdout.fileno())

        def reply(result: Result) -> None:
            print(json.dumps(result), file=answers, flush=True)

        yield map(json.loads, sys.stdin), reply


def work(task: Callable[[Plan], Result]) -> None:
    """The main function of a module that does a task for every plan."""
    with conversation() as (plans, reply):
        for plan in plans:
            reply(task(plan))
