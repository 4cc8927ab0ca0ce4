"""Measurements in processes of their own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.config import BACKEND
from benchmarks.contestants import ContestantError, environment
from benchmarks.cores import Cores
from benchmarks.work import Plan, Result

Ask = Callable[[Plan], Result]


@contextmanager
def measuring(module: str, *, url: str, application_on: Cores | None = None) -> Iterator[Ask]:
    """A process that runs `module`, on the application's core if it is one; the function has it carry out a plan."""
    process = subprocess.Popen(  # noqa: S603  our own interpreter and modules
        [sys.executable, "-m", f"benchmarks.{module}"],
        env=environment(url),
        cwd=BACKEND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if application_on is not None:
        application_on.give_application(process.pid)
    plans, answers = process.stdin, process.stdout
    assert plans is not None
    assert answers is not None

    def ask(plan: Plan) -> Result:
        print(json.dumps(plan), file=plans, flush=True)
        if answer := answers.readline():
            result: Result = json.loads(answer)
            return result
        raise ContestantError(f"Measuring failed in benchmarks.{module}, see above: {plan.get('contestant')}.")

    with process:
        try:
            yield ask
            plans.close()
            process.wait()
        finally:
            process.kill()


def measure(module: str, plan: Plan, *, url: str, application_on: Cores | None = None) -> Result:
    """What a fresh process makes of one plan."""
    with measuring(module, url=url, application_on=application_on) as ask:
        return ask(plan)
