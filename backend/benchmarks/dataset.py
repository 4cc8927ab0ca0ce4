"""The data of a run, in every form that a target needs: a database, a CSV file, and files for COPY."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.db.migrations import migrate
from app.importer.generator import write_deals
from benchmarks.cases import RequestData
from benchmarks.imports import dump_tables
from benchmarks.results import Options
from benchmarks.scratch_database import ScratchServer, execute, fetch, scratch_server
from benchmarks.worker_process import run_once

EMPTY: Final = "empty"
"""The scratch database with the schema and no rows."""

_SEED: Final = 42
_REQUEST_DEALS: Final = 2_000
_CHECKSUM: Final = """
    SELECT
        count(*), count(DISTINCT hotels.phone), sum(external_id), sum(price_per_night), sum(original_price),
        sum(star_rating), sum(discount_percent), count(*) FILTER (WHERE is_available), sum(checkin_date - '2000-01-01'),
        sum(checkout_date - '2000-01-01'), sum(extract(epoch FROM created_at)), sum(length(room_type || city)),
        sum((SELECT count(*) FROM deal_categories WHERE deal_id = deals.id))
    FROM deals JOIN hotels ON hotels.id = hotel_id
    WHERE deals.id <= {rows}
"""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Generated deals that all targets work on."""

    server: ScratchServer
    rows: int
    url: str
    file: Path
    """The deals as CSV."""
    tables: Path
    """The folder with one COPY file for each table."""

    @classmethod
    @contextmanager
    def create(cls, options: Options) -> Iterator["Dataset"]:
        """Load `options.rows` deals; everything is removed at the end of the block."""
        with (
            scratch_server(options.database_url) as server,
            tempfile.TemporaryDirectory() as name,
            server.database(EMPTY) as empty,
        ):
            migrate(empty)
            folder = Path(name)
            file = folder / "deals.csv"
            with server.database("data", template=EMPTY) as url:
                generate_and_load(url, file, rows=options.rows)
                dump_tables(url, folder)
                server.checkpoint()
                yield cls(server, options.rows, url, file, folder)

    @contextmanager
    def larger_database(self, rows: int) -> Iterator[str]:
        """The URL of another database with `rows` deals."""
        with self.server.database(f"rows_{rows}", template=EMPTY) as url:
            file = self.tables / f"deals-{rows}.csv"
            generate_and_load(url, file, rows=rows)
            file.unlink()
            self.server.checkpoint()
            yield url

    def request_data(self) -> RequestData:
        """A sample of the deals with their current versions, and all hotels and cities."""
        step = max(1, self.rows // _REQUEST_DEALS)
        deals = fetch(self.url, f"SELECT id, version FROM deals WHERE id % {step} = 0 ORDER BY id")  # noqa: S608  an int
        hotels = fetch(self.url, "SELECT id FROM hotels ORDER BY id")
        cities = fetch(self.url, "SELECT DISTINCT city FROM hotels ORDER BY city")
        return RequestData(
            [(deal_id, version) for deal_id, version in deals],
            [hotel_id for (hotel_id,) in hotels],
            [city for (city,) in cities],
        )

    def remove_created(self) -> None:
        """Delete the deals that requests have created, and vacuum."""
        created = f"DELETE FROM deals WHERE id > {self.rows}"  # noqa: S608  an int
        execute(self.url, created, "VACUUM deals, deal_categories")


def generate_and_load(url: str, file: Path, *, rows: int) -> None:
    """Write a CSV, the same in every run, and import it into the migrated database at `url`; then vacuum."""
    with file.open("w", encoding="utf-8", newline="") as output:
        write_deals(output, rows=rows, seed=_SEED)
    run_once("imports", {"target": "service", "url": url, "file": str(file)}, url=url)
    execute(url, "VACUUM ANALYZE")


def compute_checksum(url: str, *, rows: int) -> list[tuple[Any, ...]]:
    """Sums over the columns of the file's first `rows` deals, for comparing two databases."""
    return fetch(url, _CHECKSUM.format(rows=rows))
