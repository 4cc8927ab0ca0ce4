"""The import: the service's pipeline, a raw COPY of the same rows already normalised, and rows as ORM entities."""

import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg2

from benchmarks.work import Plan, Result, work

TUTORIAL_ROWS: Final = 10_000
"""The tutorial way takes ten times as long and holds everything in memory: of larger files it gets the beginning."""

_TABLES: Final = ("hotels", "categories", "deals", "deal_categories")
_STATUS: Final = Path("/proc/self/status")


def dump(url: str, folder: Path) -> None:
    """Write the catalogue's tables as files that COPY takes."""
    with closing(psycopg2.connect(url)) as server, server.cursor() as cursor:
        for table in _TABLES:
            with (folder / table).open("wb") as file:
                cursor.copy_expert(f"COPY {table} TO STDOUT", file)


def _service(plan: Plan) -> Callable[[], Any]:
    from app.importer.pipeline import load_deals  # noqa: PLC0415  each contestant's memory holds what it needs only

    return lambda: load_deals(Path(plan["file"]), dsn=plan["url"], progress=lambda _: None)


def _bare(plan: Plan) -> Callable[[], Any]:
    def copy() -> None:
        with closing(psycopg2.connect(plan["url"])) as server, server, server.cursor() as cursor:
            for table in _TABLES:
                with (Path(plan["folder"]) / table).open("rb") as file:
                    cursor.copy_expert(f"COPY {table} FROM STDIN", file)

    return copy


def _tutorial(plan: Plan) -> Callable[[], Any]:
    from benchmarks.tutorial_import import load_file  # noqa: PLC0415  as above

    return lambda: load_file(plan["file"], url=plan["url"], rows=TUTORIAL_ROWS)


_IMPORTS: Final[Mapping[str, Callable[[Plan], Callable[[], Any]]]] = {
    "service": _service,
    "bare": _bare,
    "tutorial": _tutorial,
}


def import_file(plan: Plan) -> Result:
    """Seconds, CPU seconds of this process, and the most memory it had, in MiB."""
    task = _IMPORTS[plan["contestant"]](plan)
    started, spent = time.perf_counter(), time.process_time()
    task()
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - spent,
        "peak_mib": _peak_mib(),
    }


def _peak_mib() -> float:
    """Linux would add the parent's memory to what `getrusage` tells."""
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    work(import_file)
