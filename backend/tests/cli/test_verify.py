"""`deals verify` and `deals purge`."""

from pathlib import Path
from typing import Final

import pytest
from typer.testing import Result

from tests.support.cli import run_deals
from tests.support.databases import TestServer, connect
from tests.support.deal_files import other_hotel, row
from tests.support.import_catalogue import Catalogue, Importer


@pytest.fixture
def catalogue(own_dsn: str, tmp_path: Path) -> Catalogue:
    """Hotel 1 has two deals that are available and one that is not, hotel 2 has one. Category 1 is luxury."""
    importer = Importer(own_dsn, tmp_path / "deals.csv")
    importer(row(id="1"), row(id="2"), row(id="3", is_available="False"), other_hotel(id="4", categories="luxury"))
    return Catalogue(own_dsn)


def change_without_triggers(catalogue: Catalogue, statement: str) -> None:
    """Change rows without firing triggers."""
    catalogue.change(f"SET session_replication_role = replica; {statement}")


def verify(url: str) -> Result:
    return run_deals(url, "verify")


_CORRECT: Final = [
    "deal_rollup: 3 rows that count 4 deals, all correct.",
    "category_rollup: 5 rows that count 7 deals, all correct.",
]


def test_correct_rollups_are_reported_in_one_line_each(own_url: str, catalogue: Catalogue) -> None:
    result = verify(own_url)
    assert (result.exit_code, result.stdout.splitlines(), result.stderr) == (0, _CORRECT, "")


def test_row_without_deals_is_correct(own_url: str, catalogue: Catalogue) -> None:
    change_without_triggers(catalogue, "INSERT INTO deal_rollup VALUES (2, 1, true, 0, 0)")
    change_without_triggers(catalogue, "INSERT INTO category_rollup VALUES (1, 2, 1, true, 0, 0)")
    assert verify(own_url).stdout.splitlines() == _CORRECT


def test_empty_catalogue_is_correct(own_url: str) -> None:
    result = verify(own_url)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "deal_rollup: 0 rows that count 0 deals, all correct.",
        "category_rollup: 0 rows that count 0 deals, all correct.",
    ]


@pytest.mark.parametrize(
    ("statement", "expected"),
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
def test_difference_is_reported(own_url: str, catalogue: Catalogue, statement: str, expected: list[str]) -> None:
    change_without_triggers(catalogue, statement)
    result = verify(own_url)
    assert result.exit_code == 1
    assert [line.strip() for line in result.stdout.splitlines() if line.startswith(" ")] == expected
    assert result.stdout.count("wrong:") == len({"category" in line for line in expected})


def test_only_first_differences_are_listed(own_url: str, catalogue: Catalogue) -> None:
    change_without_triggers(
        catalogue, "INSERT INTO deal_rollup SELECT n, 1, true, n, n FROM generate_series(101, 2000) AS n"
    )
    first, *expected, more, last = verify(own_url).stdout.splitlines()
    assert first == "deal_rollup: 1,903 rows that count 4 deals, 1,900 wrong:"
    assert expected == [
        f"  hotel {n}, stars 1, available: stored {n} for {n}.00, counted 0 for 0.00" for n in range(101, 121)
    ]
    assert more == "  and 1,880 more"
    assert last == _CORRECT[1]


def test_verify_with_old_schema_is_rejected(server: TestServer) -> None:
    with server.copy(template="template0") as url:
        result = verify(url)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "run `deals migrate`" in result.stderr


@pytest.mark.parametrize("command", ["verify", "purge"])
def test_statement_timeout_is_reported(own_url: str, command: str) -> None:
    with connect(own_url) as locker, locker.cursor() as cursor:
        cursor.execute("LOCK TABLE deals, idempotency_keys")
        result = run_deals(own_url, command, APP_MAINTENANCE_STATEMENT_TIMEOUT="0.1")
    locker.close()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("The command failed in the database: canceling statement due to ")
    assert len(result.stderr.splitlines()) == 1
