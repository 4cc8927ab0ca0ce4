"""`deals verify`: the rollups beside what they are the sums of."""

from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import app
from tests.support.databases import TestServer, connect
from tests.support.deal_files import other_hotel, row
from tests.support.import_catalogue import Catalogue, Importer


@pytest.fixture
def catalogue(loading_database: str, tmp_path: Path) -> Catalogue:
    """Hotel 1 has two deals that are available and one that is not, hotel 2 has one. Category 1 is luxury."""
    importer = Importer(loading_database, tmp_path / "deals.csv")
    importer(row(id="1"), row(id="2"), row(id="3", is_available="False"), other_hotel(id="4", categories="luxury"))
    return Catalogue(loading_database)


def change_unseen(catalogue: Catalogue, statement: str) -> None:
    """Change what is kept or counted while no trigger looks."""
    catalogue.change(f"SET session_replication_role = replica; {statement}")


def verify(url: str) -> Result:
    return CliRunner().invoke(app, ["verify"], env={"DATABASE_URL": url}, catch_exceptions=False)


_RIGHT: Final = [
    "deal_rollup: 3 rows that count 4 deals, all correct.",
    "category_rollup: 5 rows that count 7 deals, all correct.",
]


def test_rollups_that_are_right_are_a_line_each(own_url: str, catalogue: Catalogue) -> None:
    done = verify(own_url)
    assert (done.exit_code, done.stdout.splitlines(), done.stderr) == (0, _RIGHT, "")


def test_a_row_of_no_deals_is_as_good_as_none(own_url: str, catalogue: Catalogue) -> None:
    change_unseen(catalogue, "INSERT INTO deal_rollup VALUES (2, 1, true, 0, 0)")
    change_unseen(catalogue, "INSERT INTO category_rollup VALUES (1, 2, 1, true, 0, 0)")
    assert verify(own_url).stdout.splitlines() == _RIGHT


def test_an_empty_catalogue_is_right(own_url: str) -> None:
    done = verify(own_url)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "deal_rollup: 0 rows that count 0 deals, all correct.",
        "category_rollup: 0 rows that count 0 deals, all correct.",
    ]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE deal_rollup SET deal_count = 1001 WHERE hotel_id = 2",
            ["hotel 2, stars 4, available: stored 1,001 for 129.15, counted 1 for 129.15"],
        ),
        (
            "UPDATE deal_rollup SET price_sum = price_sum + 0.01 WHERE NOT is_available",
            ["hotel 1, stars 4, not available: stored 1 for 129.16, counted 1 for 129.15"],
        ),
        (
            "DELETE FROM deal_rollup WHERE hotel_id = 2",
            ["hotel 2, stars 4, available: stored 0 for 0.00, counted 1 for 129.15"],
        ),
        (
            "INSERT INTO deal_rollup VALUES (2, 1, true, 0, 5)",
            ["hotel 2, stars 1, available: stored 0 for 5.00, counted 0 for 0.00"],
        ),
        (
            "INSERT INTO category_rollup VALUES (1, 2, 5, false, 3, 6000)",
            ["category 1, hotel 2, stars 5, not available: stored 3 for 6,000.00, counted 0 for 0.00"],
        ),
        (
            "DELETE FROM deal_categories WHERE deal_id = 4",
            ["category 1, hotel 2, stars 4, available: stored 1 for 129.15, counted 0 for 0.00"],
        ),
        (
            "UPDATE deals SET price_per_night = 100 WHERE id = 4",
            [
                "hotel 2, stars 4, available: stored 1 for 129.15, counted 1 for 100.00",
                "category 1, hotel 2, stars 4, available: stored 1 for 129.15, counted 1 for 100.00",
            ],
        ),
        (
            "UPDATE deals SET star_rating = 5 WHERE id = 4; DELETE FROM deal_categories WHERE deal_id = 4",
            [
                "hotel 2, stars 4, available: stored 1 for 129.15, counted 0 for 0.00",
                "hotel 2, stars 5, available: stored 0 for 0.00, counted 1 for 129.15",
                "category 1, hotel 2, stars 4, available: stored 1 for 129.15, counted 0 for 0.00",
            ],
        ),
    ],
)
def test_a_difference_is_told(own_url: str, catalogue: Catalogue, statement: str, told: list[str]) -> None:
    change_unseen(catalogue, statement)
    done = verify(own_url)
    assert done.exit_code == 1
    assert [line.strip() for line in done.stdout.splitlines() if line.startswith(" ")] == told
    assert done.stdout.count("wrong:") == len({"category" in line for line in told})


def test_of_many_differences_the_first_are_told(own_url: str, catalogue: Catalogue) -> None:
    change_unseen(catalogue, "INSERT INTO deal_rollup SELECT n, 1, true, n, n FROM generate_series(101, 2000) AS n")
    first, *told, more, last = verify(own_url).stdout.splitlines()
    assert first == "deal_rollup: 1,903 rows that count 4 deals, 1,900 wrong:"
    assert told == [
        f"  hotel {n}, stars 1, available: stored {n} for {n}.00, counted 0 for 0.00" for n in range(101, 121)
    ]
    assert more == "  and 1,880 more"
    assert last == _RIGHT[1]


def test_verify_wants_the_newest_schema(server: TestServer) -> None:
    with server.copy(template="template0") as url:
        done = verify(url)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "run `deals migrate`" in done.stderr


@pytest.mark.parametrize("command", ["verify", "purge"])
def test_what_the_database_does_not_do_is_one_sentence(own_url: str, command: str) -> None:
    with connect(own_url) as locker, locker.cursor() as cursor:
        cursor.execute("LOCK TABLE deals, idempotency_keys")
        hasty = {"DATABASE_URL": own_url, "APP_MAINTENANCE_STATEMENT_TIMEOUT": "0.1"}
        done = CliRunner().invoke(app, [command], env=hasty, catch_exceptions=False)
    locker.close()
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("The command failed in the database: canceling statement due to ")
    assert len(done.stderr.splitlines()) == 1
