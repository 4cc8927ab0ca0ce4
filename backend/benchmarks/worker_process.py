"""The parent side of a worker process: measurements run in processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.config import BACKEND
from benchmarks.cpu_affinity import CpuAffinity
from benchmarks.worker import Job, Result

RunJob = Callable[[Job], Result]


class BenchmarkError(Exception):
    """A target does not start, responds incorrectly, or a measurement fails. The message is one sentence."""


def environment(url: str) -> dict[str, str]:
    """The environment of a target in production that uses the database at `url`."""
    return os.environ | {"DATABASE_URL": url, "APP_ENV": "production"}


@contextmanager
def worker_process(
    module: str, *, url: str, affinity: CpuAffinity | None = None, python: Path | str = sys.executable
) -> Iterator[RunJob]:
    """Start `benchmarks.<module>`, on the application's core if `affinity` is set; yields a function to run a job."""
    process = subprocess.Popen(  # noqa: S603  a module of this package
        [python, "-m", f"benchmarks.{module}"],
        env=environment(url),
        cwd=BACKEND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if affinity is not None:
        affinity.pin_application(process.pid)
    jobs, results = process.stdin, process.stdout
    assert jobs is not None
    assert results is not None

    def run_job(job: Job) -> Result:
        print(json.dumps(job), file=jobs, flush=True)
        if line := results.readline():
            result: Result = json.loads(line)
            return result
        raise BenchmarkError(f"A measurement failed in benchmarks.{module}, see above.")

    with process:
        try:
            yield run_job
            jobs.close()
            process.wait()
        finally:
            process.kill()


def run_once(module: str, job: Job, *, url: str, affinity: CpuAffinity | None = None) -> Result:
    """Run one job in a new process."""
    with worker_process(module, url=url, affinity=affinity) as run_job:
        return run_job(job)
