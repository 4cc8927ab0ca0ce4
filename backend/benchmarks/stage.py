"""What a run takes place on: the data, in every form that a contestant needs, and the machine."""

import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.cases import Material
from benchmarks.cores import Cores
from benchmarks.imports import dump
from benchmarks.load import CONNECTIONS
from benchmarks.results import Options
from benchmarks.scratch import Scratch, create_schema, fetch, load, run, scratch_server, write_file

EMPTY: Final = "empty"
"""The scratch database with the schema and nothing in it."""

_SAMPLE: Final = 2_000
_LIBRARIES: Final = ("fastapi", "sqlalchemy", "asyncpg", "pydantic", "uvicorn")
_CONTENT: Final = """
    SELECT
        count(*), count(DISTINCT hotels.phone), sum(external_id), sum(price_per_night), sum(original_price),
        sum(star_rating), sum(discount_percent), count(*) FILTER (WHERE is_available), sum(checkin_date - '2000-01-01'),
        sum(checkout_date - '2000-01-01'), sum(extract(epoch FROM created_at)), sum(length(room_type || city)),
        sum((SELECT count(*) FROM deal_categories WHERE deal_id = deals.id))
    FROM deals JOIN hotels ON hotels.id = hotel_id
    WHERE deals.id <= {rows}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """The data that all contestants work on: in a database, as a CSV of deals, and as a folder of COPY's files."""

    scratch: Scratch
    rows: int
    url: str
    file: Path
    tables: Path

    @classmethod
    @contextmanager
    def prepared(cls, options: Options) -> Iterator["Stage"]:
        """A stage with `options.rows` deals, for as long as the block lasts."""
        with (
            scratch_server(options.database_url) as scratch,
            tempfile.TemporaryDirectory() as name,
            scratch.database(EMPTY) as empty,
        ):
            create_schema(empty)
            folder = Path(name)
            file = folder / "deals.csv"
            write_file(file, rows=options.rows)
            with scratch.database("data", template=EMPTY) as url:
                load(url, file)
                dump(url, folder)
                scratch.checkpoint()
                yield cls(scratch, options.rows, url, file, folder)

    @contextmanager
    def larger(self, rows: int) -> Iterator[str]:
        """Another database, with so many deals."""
        with self.scratch.database(f"rows_{rows}", template=EMPTY) as url:
            file = self.tables / f"deals-{rows}.csv"
            write_file(file, rows=rows)
            load(url, file)
            file.unlink()
            self.scratch.checkpoint()
            yield url

    def material(self) -> Material:
        """Some of the deals, at their present versions."""
        every = max(1, self.rows // _SAMPLE)
        deals = fetch(self.url, f"SELECT id, version FROM deals WHERE id % {every} = 0 ORDER BY id")  # noqa: S608  an int
        hotels = fetch(self.url, "SELECT id FROM hotels ORDER BY id")
        cities = fetch(self.url, "SELECT DISTINCT city FROM hotels ORDER BY city")
        return Material([(key, at) for key, at in deals], [key for (key,) in hotels], [city for (city,) in cities])

    def tidy(self) -> None:
        """Take out the deals that were added, and what updates have left behind."""
        added = f"DELETE FROM deals WHERE id > {self.rows}"  # noqa: S608  an int
        run(self.url, added, "VACUUM deals, deal_categories")


def content_of(url: str, *, rows: int) -> list[tuple[Any, ...]]:
    """What a database holds of the file's first `rows` deals, in sums."""
    return fetch(url, _CONTENT.format(rows=rows))


def describe(scratch: Scratch, options: Options, *, cores: Cores) -> dict[str, str]:
    """What the numbers depend on."""
    return {
        "Python": platform.python_version(),
        "PostgreSQL": scratch.version(),
        **{name: version(name) for name in _LIBRARIES},
        "cores": f"{len(cores.all)} ({'one for the application' if cores.are_split else 'shared'})",
        "deals": f"{options.rows:,}",
        "connections": str(CONNECTIONS),
        "rounds": f"{options.rounds} of {options.seconds:g} s",
    }
