"""`deals keys`: made, listed, revoked."""

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
from tests.support.api_keys import SECRET, entity
from tests.support.cli import deals
from tests.support.databases import TestServer
from tests.support.embedded_processes import ask
from tests.support.production_database import Guarded


@pytest.fixture
def empty_url(server: TestServer) -> Iterator[str]:
    with server.copy(template="template0") as url:
        yield url


def keys(url: str, *arguments: str, **more: str) -> Result:
    return deals(url, "keys", *arguments, **{"APP_AUTH_KEY_SECRET": SECRET} | more)


def created(url: str, *arguments: str) -> str:
    done = keys(url, "create", *arguments)
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    assert "not shown again" in done.stderr
    return done.stdout.strip()


def listed(url: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(keys(url, "list", "--json").stdout)
    return rows


def assert_one_sentence(done: Result, words: str) -> None:
    assert (done.exit_code, done.stderr.count("\n"), done.stdout) == (1, 1, "")
    assert words in done.stderr


def test_a_key_is_shown_once(own_url: str) -> None:
    key = created(own_url, "--name", " A shop ")
    assert re.fullmatch(r"hdk_[0-9a-f]{12}_[0-9a-f]{64}", key)
    secret = key.rpartition("_")[2]
    assert created(own_url, "--name", "A shop") != key, "a client may have two, to change them in turn"
    for told in (keys(own_url, "list").output, keys(own_url, "list", "--json").output):
        assert str(public_id(key)) in told
        assert secret not in told
    kept = ask(libpq_url(own_url), "SELECT string_agg(api_keys::text, ' ') FROM api_keys")
    assert secret not in kept
    assert digest(key, secret=SECRET.encode()).hex() in kept
    assert "A shop" in kept


def test_the_list_says_what_became_of_each(own_url: str) -> None:
    forever, short, revoked = (
        created(own_url, "--name", "für immer"),
        created(
            own_url, "--name", "for a day", "--scope", "deals:admin", "--scope", "deals:write", "--expires-days", "1"
        ),
        created(own_url, "--name", "revoked"),
    )
    assert [row["state"] for row in listed(own_url)] == ["valid"] * 3
    ask(libpq_url(own_url), "UPDATE api_keys SET expires_at = now() WHERE expires_at IS NOT NULL")
    assert keys(own_url, "revoke", public_id(revoked) or "").stdout == f"Revoked {public_id(revoked)}.\n"
    rows = listed(own_url)
    assert [(row["public_id"], row["state"]) for row in rows] == [
        (public_id(forever), "valid"),
        (public_id(short), "expired"),
        (public_id(revoked), "revoked"),
    ]
    assert [row["scopes"] for row in rows] == [["deals:write"], ["deals:admin", "deals:write"], ["deals:write"]]
    assert [row["name"] for row in rows] == ["für immer", "for a day", "revoked"]
    heading, *lines = keys(own_url, "list").stdout.splitlines()
    assert heading.split() == ["ID", "STATE", "SCOPES", "CREATED", "EXPIRES", "NAME"]
    assert [line.split()[:2] for line in lines] == [[row["public_id"], row["state"]] for row in rows]


def test_a_revocation_stays_as_it_was(own_url: str) -> None:
    key = created(own_url, "--name", "a shop")
    assert keys(own_url, "revoke", key).stdout == f"Revoked {public_id(key)}.\n", "who gives the key gets no echo"
    [before] = listed(own_url)
    assert keys(own_url, "revoke", public_id(key) or "").exit_code == 0
    assert listed(own_url) == [before]
    for unknown in ("0123456789ab", "", "\udcff", new_key()):
        assert_one_sentence(keys(own_url, "revoke", "--", unknown), "There is no key with this ID")


@pytest.mark.parametrize("secret", ["", "x" * 31])
def test_keys_are_made_with_a_secret(own_url: str, secret: str) -> None:
    assert_one_sentence(
        keys(own_url, "create", "--name", "a", APP_AUTH_KEY_SECRET=secret), "API keys need APP_AUTH_KEY_SECRET"
    )
    assert keys(own_url, "list", APP_AUTH_KEY_SECRET=secret).exit_code == 0


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101, "\udcff"])
def test_a_name_that_does_not_fit_is_one_sentence(own_url: str, name: str) -> None:
    assert_one_sentence(keys(own_url, "create", "--name", name), "The name must")
    assert listed(own_url) == []


@pytest.mark.parametrize("options", [["--scope", "deals:read"], ["--expires-days", "0"], ["--expires-days", "1000000"]])
def test_an_option_out_of_range_is_told(own_url: str, options: list[str]) -> None:
    assert keys(own_url, "create", "--name", "a", *options).exit_code == 2
    assert listed(own_url) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", [["create", "--name", "a"], ["list"], ["revoke", "0123456789ab"]])
def test_a_database_that_is_not_ready_for_keys_is_one_sentence(
    empty_url: str, guarded: Guarded, command: list[str]
) -> None:
    assert_one_sentence(keys(empty_url, *command), "run `deals migrate`")
    assert_one_sentence(keys("postgresql://u:hunter2@127.0.0.1:1/x", *command), "The database does not respond")
    assert_one_sentence(keys(guarded.url("deals_read"), *command), "see docs/roles.md")


@pytest.mark.slow
def test_the_role_for_keys_is_enough(guarded: Guarded) -> None:
    url = guarded.url("deals_keys")
    key = created(url, "--name", "a role's")
    assert keys(url, "revoke", key).exit_code == 0
    assert (public_id(key), "revoked") in [(row["public_id"], row["state"]) for row in listed(url)]


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
async def test_the_database_refuses_a_bad_key_by_name(
    session: AsyncSession, constraint: str, values: dict[str, object]
) -> None:
    session.add(entity(new_key(), Scope.WRITE))
    await session.flush()
    with pytest.raises(IntegrityError, match=f'"{constraint}"'):
        await session.execute(update(ApiKey).values(values))
