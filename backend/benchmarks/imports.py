"""The import case: the service's pipeline, a raw COPY of the same normalised rows, and an ORM entity for each row."""

import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg2

from benchmarks.worker import Job, Result, run_jobs

TUTORIAL_ROWS: Final = 10_000
"""The tutorial's import takes ten times as long and holds all rows in memory, so it gets only the first ones."""

_TABLES: Final = ("hotels", "categories", "deals", "deal_categories")
_STATUS: Final = Path("/proc/self/status")


def dump_tables(url: str, folder: Path) -> None:
    """Write the catalogue's tables as files for COPY."""
    with closing(psycopg2.connect(url)) as server, server.cursor() as cursor:
        for table in _TABLES:
            with (folder / table).open("wb") as file:
                cursor.copy_expert(f"COPY {table} TO STDOUT", file)


def _service(job: Job) -> Callable[[], Any]:
    from app.importer.pipeline import load_deals  # noqa: PLC0415  imported by this target only: its memory is measured

    return lambda: load_deals(Path(job["file"]), dsn=job["url"], progress=lambda _: None)


def _bare(job: Job) -> Callable[[], Any]:
    def copy() -> None:
        with closing(psycopg2.connect(job["url"])) as server, server, server.cursor() as cursor:
            for table in _TABLES:
                with (Path(job["folder"]) / table).open("rb") as file:
                    cursor.copy_expert(f"COPY {table} FROM STDIN", file)

    return copy


def _tutorial(job: Job) -> Callable[[], Any]:
    from benchmarks.tutorial.load import load_file  # noqa: PLC0415  as above

    return lambda: load_file(job["file"], url=job["url"], rows=TUTORIAL_ROWS)


_IMPORTS: Final[Mapping[str, Callable[[Job], Callable[[], Any]]]] = {
    "service": _service,
    "bare": _bare,
    "tutorial": _tutorial,
}


def import_file(job: Job) -> Result:
    """Seconds, CPU seconds of this process, and its peak memory in MiB."""
    run_import = _IMPORTS[job["target"]](job)
    started, cpu_started = time.perf_counter(), time.process_time()
    run_import()
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu_started,
        "peak_mib": _get_peak_mib(),
    }


def _get_peak_mib() -> float:
    """On Linux not from `getrusage`, which includes the memory of the parent process."""
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    run_jobs(import_file)
