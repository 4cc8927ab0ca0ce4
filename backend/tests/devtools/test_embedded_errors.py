"""The embedded PostgreSQL reports in one sentence why it cannot run."""

import os
import sys
from pathlib import Path

import pytest

from devtools.postgres import EmbeddedPostgres, EmbeddedPostgresError
from devtools.postgres.account import Account
from tests.support.embedded_processes import embedded_server, fetch_value

pytestmark = pytest.mark.slow


def test_invalid_setting_is_reported_from_server_log(data: Path) -> None:
    assert_does_not_run(embedded_server(data, shared_buffers="many"), r"does not start: .*shared_buffers")
    with embedded_server(data).running() as address:
        assert fetch_value(address.libpq_url, "SELECT 1") == "1"


def test_cluster_of_other_version_is_rejected(data_copy: Path) -> None:
    (data_copy / "cluster" / "PG_VERSION").write_text("16\n")
    assert_does_not_run(embedded_server(data_copy), "was created by PostgreSQL 16, and this is 18")


def test_cluster_of_other_user_is_rejected(data: Path) -> None:
    other = Account(os.geteuid() + 1)
    assert_does_not_run(EmbeddedPostgres(data, accounts=[other]), "belongs to another user")


def test_reasons_are_reported_when_no_account_is_usable(data: Path) -> None:
    unusable = Account((data / "cluster").stat().st_uid, ("/no/such/tool",))
    assert_does_not_run(EmbeddedPostgres(data, accounts=[unusable]), "does not run here.*/no/such/tool")


def test_link_or_file_in_place_of_directory_is_rejected(data: Path) -> None:
    with embedded_server(data).running() as address:
        pass
    address.directory.symlink_to(data)
    try:
        assert_does_not_run(embedded_server(data), "is not a directory of this user")
    finally:
        address.directory.unlink()
    assert_does_not_run(embedded_server(data / "cluster" / "PG_VERSION"), "cannot use its files: .*PG_VERSION")


def test_missing_wheel_is_reported_with_alternatives(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert_does_not_run(embedded_server(data), "not installed: set DATABASE_URL, or .*docker compose up -d db")


def assert_does_not_run(server: EmbeddedPostgres, message: str) -> None:
    with pytest.raises(EmbeddedPostgresError, match=message), server.running():
        pass
