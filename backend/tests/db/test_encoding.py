"""Databases with an unsupported encoding or locale are rejected by every command that would use them."""

from typing import Final

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.db.encoding import UnsupportedDatabaseError, check_encoding
from app.db.urls import sync_url
from devtools.ports import free_port
from tests.support.cli import assert_one_line_error, run_deals
from tests.support.databases import TestServer

SUPPORTED: Final = (
    "ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER libc",
    "ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'",
    "ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST'",
)
UNSUPPORTED: Final = {
    "ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C'": "locale of the database",
    "ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER libc": "locale of the database",
    "ENCODING 'UTF8' LOCALE 'POSIX' LOCALE_PROVIDER libc": "locale of the database",
    "ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc": "encoding of the database is LATIN1",
    "ENCODING 'EUC_JP' LOCALE 'C' LOCALE_PROVIDER libc": "encoding of the database is EUC_JP",
    "ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc": "encoding of the database is SQL_ASCII",
}


def check(url: str) -> None:
    with create_engine(sync_url(url), poolclass=NullPool).connect() as connection:
        check_encoding(connection)


def create_command(message: str) -> str:
    """The options of the CREATE DATABASE that a message recommends."""
    return message.split("`")[1].removeprefix("CREATE DATABASE deals_utf8 ").removesuffix(" TEMPLATE template0")


def test_locale_that_folds_all_letters_is_supported(server: TestServer) -> None:
    for options in SUPPORTED:
        with server.copy(template="template0", options=options) as url:
            check(url)


def test_other_encoding_or_locale_is_rejected_with_a_command_that_works(server: TestServer) -> None:
    for options, message in UNSUPPORTED.items():
        with (
            server.copy(template="template0", options=options) as url,
            pytest.raises(UnsupportedDatabaseError, match=message) as error,
        ):
            check(url)
        with server.copy(template="template0", options=create_command(str(error.value))) as url:
            check(url)


def test_commands_reject_an_unsupported_locale_in_one_line(server: TestServer) -> None:
    port = ("--port", str(free_port()))
    with server.copy(template="template0", options="ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER libc") as url:
        for command in (("migrate",), ("dev", *port), ("serve", *port), ("load",), ("verify",)):
            assert_one_line_error(run_deals(url, *command), "CREATE DATABASE deals_utf8 ENCODING 'UTF8'")
        result = run_deals(url, "doctor")
    assert result.exit_code == 1
    assert "fail  encoding and locale: The locale of the database" in result.stdout
