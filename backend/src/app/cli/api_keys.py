"""`deals keys`: who may write. There is no way to change keys over HTTP."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

import typer

from app.auth.tokens import Scope, digest, new_key, public_id
from app.cli.errors import abort, user_errors
from app.cli.maintenance import connect
from app.config import load_settings
from app.db.resolve import open_database
from app.db.transaction import transaction
from app.models import ApiKey
from app.repositories.api_keys import ApiKeyRepository
from app.schemas.base import clean_text

T = TypeVar("T")

keys = typer.Typer(
    help="The keys that clients write with, where AUTH_MODE is `writes`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_LONGEST_NAME: Final = 100
_CENTURY: Final = 36_500
_WIDTHS: Final = "{:<14}{:<9}{:<24}{:<18}{:<18}{}"


@keys.command()
def create(
    *,
    name: Annotated[str, typer.Option(help="Whose key it is. A client may have several, to change them in turn.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            help="What it may do; repeat it for more. `deals:admin` also removes hotels.", show_default="deals:write"
        ),
    ] = None,
    expires_days: Annotated[
        int | None, typer.Option(min=1, max=_CENTURY, help="Days that it is valid.", show_default="until it is revoked")
    ] = None,
) -> None:
    """Make a key and show it, once. Standard output is the key alone; the service keeps nothing that could be one."""
    key = new_key()
    with user_errors():
        row = ApiKey(
            public_id=_public_id(key),
            name=_clean(name),
            digest=digest(key, secret=load_settings().require_key_secret()),
            scopes=sorted(set(scope or [Scope.WRITE])),
            expires_at=None if expires_days is None else datetime.now(UTC) + timedelta(days=expires_days),
        )
        _run(lambda keys: keys.add(row))
    typer.echo(key)
    typer.echo("Send it in the header X-API-Key. It is not shown again.", err=True)


@keys.command(name="list")
def list_keys(*, as_json: Annotated[bool, typer.Option("--json", help="As a JSON array.")] = False) -> None:
    """All keys there ever were, without their secrets."""
    with user_errors():
        listed = _run(lambda keys: keys.list())
    if as_json:
        typer.echo(json.dumps([_as_json(key) for key in listed], ensure_ascii=False, indent=2))
        return
    for row in (("ID", "STATE", "SCOPES", "CREATED", "EXPIRES", "NAME"), *map(_columns, listed)):
        typer.echo(_WIDTHS.format(*row))


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="The ID of the key, as `deals keys list` has it.")],
) -> None:
    """Make a key invalid for good, in every process within 5 seconds."""
    name = public_id(key) or key
    with user_errors():
        found = name.isascii() and _run(lambda keys: keys.revoke(name))
    if not found:
        abort("There is no key with this ID; `deals keys list` has them all.")
    typer.echo(f"Revoked {name}.")


def _run(work: Callable[[ApiKeyRepository], Awaitable[T]]) -> T:
    """The result of `work` in one transaction on the database of the settings."""
    settings = load_settings()

    async def run_in_transaction(url: str) -> T:
        async with connect(url, settings) as database, transaction(database.sessions) as session:
            return await work(ApiKeyRepository(session))

    with open_database(settings) as database:
        return asyncio.run(run_in_transaction(database.url))


def _public_id(key: str) -> str:
    name = public_id(key)
    assert name is not None  # noqa: S101  `new_key` makes no other
    return name


def _clean(name: str) -> str:
    try:
        return clean_text(name, max_length=_LONGEST_NAME)
    except ValueError as error:
        abort(f"The name {error}.")


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= datetime.now(UTC) else "valid"


def _columns(key: ApiKey) -> tuple[str, ...]:
    expires = _minute(key.expires_at) if key.expires_at else "never"
    return key.public_id, _state(key), " ".join(key.scopes), _minute(key.created_at), expires, key.name


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


def _as_json(key: ApiKey) -> dict[str, object]:
    times = {"created_at": key.created_at, "expires_at": key.expires_at, "revoked_at": key.revoked_at}
    return {
        "public_id": key.public_id,
        "name": key.name,
        "scopes": key.scopes,
        **{name: time and time.astimezone(UTC).isoformat() for name, time in times.items()},
        "state": _state(key),
    }
