"""The child side of a worker process: reads a JSON job from each line of stdin and writes a JSON result to stdout.

Imports only the standard library, because the memory and the start of a worker are measured too.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Job = Mapping[str, Any]
Result = dict[str, Any]


@contextmanager
def job_channel() -> Iterator[tuple[Iterator[Job], Callable[[Result], None]]]:
    """The jobs, and a function that sends a result. Everything else written to stdout is discarded."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as results:
        with open(os.devnull, "w") as devnull:  # noqa: PTH123  a device, not a path
            os.dup2(devnull.fileno(), sys.stdout.fileno())

        def send_result(result: Result) -> None:
            print(json.dumps(result), file=results, flush=True)

        yield map(json.loads, sys.stdin), send_result


def run_jobs(task: Callable[[Job], Result]) -> None:
    """The main function of a worker that handles each job independently."""
    with job_channel() as (jobs, send_result):
        for job in jobs:
            send_result(task(job))
