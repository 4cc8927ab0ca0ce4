"""`deals keys`: create, list, revoke."""

import json
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import Result

from app.auth.tokens import Scope, digest, new_key, public_id
from app.db.urls import libpq_url
from app.models import ApiKey
from tests.support.api_keys import SECRET, build_api_key
from tests.support.cli import assert_one_line_error, run_deals
from tests.support.databases import TestServer
from tests.support.embedded_processes import fetch_value
from tests.support.production_database import ProductionServer


@pytest.fixture
def empty_url(server: TestServer) -> Iterator[str]:
    with server.copy(template="template0") as url:
        yield url


def run_keys(url: str, *arguments: str, **variables: str) -> Result:
    return run_deals(url, "keys", *arguments, **{"APP_AUTH_KEY_SECRET": SECRET} | variables)


def create_key(url: str, *arguments: str) -> str:
    result = run_keys(url, "create", *arguments)
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert "cannot be displayed again" in result.stderr
    return result.stdout.strip()


def list_keys(url: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(run_keys(url, "list", "--json").stdout)
    return rows


def test_create_prints_key_and_stores_only_its_digest(own_url: str) -> None:
    key = create_key(own_url, "--name", " A shop ")
    assert re.fullmatch(r"hdk_[0-9a-f]{12}_[0-9a-f]{64}", key)
    secret = key.rpartition("_")[2]
    assert create_key(own_url, "--name", "A shop") != key, "a client may have two keys, to rotate them"
    for output in (run_keys(own_url, "list").output, run_keys(own_url, "list", "--json").output):
        assert str(public_id(key)) in output
        assert secret not in output
    rows = fetch_value(libpq_url(own_url), "SELECT string_agg(api_keys::text, ' ') FROM api_keys")
    assert secret not in rows
    assert digest(key, secret=SECRET.encode()).hex() in rows
    assert "A shop" in rows


def test_list_contains_valid_expired_and_revoked_keys(own_url: str) -> None:
    forever, short, revoked = (
        create_key(own_url, "--name", "für immer"),
        create_key(
            own_url, "--name", "for a day", "--scope", "deals:admin", "--scope", "deals:write", "--expires-days", "1"
        ),
        create_key(own_url, "--name", "revoked"),
    )
    assert [row["state"] for row in list_keys(own_url)] == ["valid"] * 3
    fetch_value(libpq_url(own_url), "UPDATE api_keys SET expires_at = now() WHERE expires_at IS NOT NULL")
    assert run_keys(own_url, "revoke", public_id(revoked) or "").stdout == f"Revoked {public_id(revoked)}.\n"
    rows = list_keys(own_url)
    assert [(row["public_id"], row["state"]) for row in rows] == [
        (public_id(forever), "valid"),
        (public_id(short), "expired"),
        (public_id(revoked), "revoked"),
    ]
    assert [row["scopes"] for row in rows] == [["deals:write"], ["deals:admin", "deals:write"], ["deals:write"]]
    assert [row["name"] for row in rows] == ["für immer", "for a day", "revoked"]
    heading, *lines = run_keys(own_url, "list").stdout.splitlines()
    assert heading.split() == ["ID", "STATE", "SCOPES", "CREATED", "EXPIRES", "NAME"]
    assert [line.split()[:2] for line in lines] == [[row["public_id"], row["state"]] for row in rows]


def test_revoking_twice_keeps_first_time_and_unknown_id_is_rejected(own_url: str) -> None:
    key = create_key(own_url, "--name", "a shop")
    result = run_keys(own_url, "revoke", key)
    assert result.stdout == f"Revoked {public_id(key)}.\n", "a whole key is not echoed"
    [before] = list_keys(own_url)
    assert run_keys(own_url, "revoke", public_id(key) or "").exit_code == 0
    assert list_keys(own_url) == [before]
    for unknown in ("0123456789ab", "", "\udcff", new_key()):
        assert_one_line_error(run_keys(own_url, "revoke", "--", unknown), "There is no key with this ID")


@pytest.mark.parametrize("secret", ["", "x" * 31])
def test_create_without_valid_secret_is_rejected(own_url: str, secret: str) -> None:
    result = run_keys(own_url, "create", "--name", "a", APP_AUTH_KEY_SECRET=secret)
    assert_one_line_error(result, "API keys need APP_AUTH_KEY_SECRET")
    assert run_keys(own_url, "list", APP_AUTH_KEY_SECRET=secret).exit_code == 0


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101, "\udcff"])
def test_invalid_name_is_rejected(own_url: str, name: str) -> None:
    assert_one_line_error(run_keys(own_url, "create", "--name", name), "The name must")
    assert list_keys(own_url) == []


@pytest.mark.parametrize("options", [["--scope", "deals:read"], ["--expires-days", "0"], ["--expires-days", "1000000"]])
def test_invalid_option_is_rejected(own_url: str, options: list[str]) -> None:
    assert run_keys(own_url, "create", "--name", "a", *options).exit_code == 2
    assert list_keys(own_url) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", [["create", "--name", "a"], ["list"], ["revoke", "0123456789ab"]])
def test_unusable_database_is_reported(empty_url: str, production: ProductionServer, command: list[str]) -> None:
    assert_one_line_error(run_keys(empty_url, *command), "run `deals migrate`")
    unreachable = run_keys("postgresql://u:hunter2@127.0.0.1:1/x", *command)
    assert_one_line_error(unreachable, "The database is not reachable")
    assert_one_line_error(run_keys(production.url("deals_read"), *command), "see docs/roles.md")


@pytest.mark.slow
def test_role_deals_keys_has_sufficient_privileges(production: ProductionServer) -> None:
    url = production.url("deals_keys")
    key = create_key(url, "--name", "a role's")
    assert run_keys(url, "revoke", key).exit_code == 0
    assert (public_id(key), "revoked") in [(row["public_id"], row["state"]) for row in list_keys(url)]


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("ck_api_keys_public_id_is_hexadecimal", {"public_id": "0123456789AB"}),
        ("ck_api_keys_name_is_plain", {"name": " a"}),
        ("ck_api_keys_digest_has_32_bytes", {"digest": b"short"}),
        ("ck_api_keys_scopes_are_known", {"scopes": ["deals:read"]}),
        ("ck_api_keys_scopes_are_known", {"scopes": []}),
    ],
)
async def test_database_rejects_invalid_key_by_constraint(
    session: AsyncSession, constraint: str, values: dict[str, object]
) -> None:
    session.add(build_api_key(new_key(), Scope.WRITE))
    await session.flush()
    with pytest.raises(IntegrityError, match=f'"{constraint}"'):
        await session.execute(update(ApiKey).values(values))
