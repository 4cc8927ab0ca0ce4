"""What the embedded PostgreSQL cannot do, it says in one sentence."""

import os
import sys
from pathlib import Path

import pytest

from devtools.postgres.account import Account
from devtools.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.support.embedded_processes import ask, embedded

pytestmark = pytest.mark.slow


def test_a_bad_setting_is_told_in_the_words_of_the_server(data: Path) -> None:
    refused(embedded(data, shared_buffers="many"), r"does not start: .*shared_buffers")
    with embedded(data).running() as address:
        assert ask(address.libpq_url, "SELECT 1") == "1"


def test_a_cluster_of_another_version_is_refused(doomed: Path) -> None:
    (doomed / "cluster" / "PG_VERSION").write_text("16\n")
    refused(embedded(doomed), "was made by PostgreSQL 16 and this is 18")


def test_a_cluster_of_another_user_is_refused(data: Path) -> None:
    stranger = Account(os.geteuid() + 1)
    refused(EmbeddedPostgres(data, accounts=[stranger]), "belongs to another user")


def test_a_machine_that_refuses_every_account_is_told_why(data: Path) -> None:
    unable = Account((data / "cluster").stat().st_uid, ("/no/such/tool",))
    refused(EmbeddedPostgres(data, accounts=[unable]), "does not run here.*/no/such/tool")


def test_folders_that_are_none_are_refused(data: Path) -> None:
    with embedded(data).running() as address:
        pass
    address.directory.symlink_to(data)
    try:
        refused(embedded(data), "is not a folder of this user")
    finally:
        address.directory.unlink()
    refused(embedded(data / "cluster" / "PG_VERSION"), "cannot use its files: .*PG_VERSION")


def test_without_the_wheel_the_other_two_ways_are_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    refused(embedded(data), r"for Python 3\.\d+: set DATABASE_URL, or .*docker compose up -d db")


def refused(server: EmbeddedPostgres, sentence: str) -> None:
    with pytest.raises(EmbeddedPostgresError, match=sentence), server.running():
        pass
