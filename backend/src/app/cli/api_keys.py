"""`deals keys`: create, list and revoke API keys. They cannot be changed over HTTP."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from app.auth.tokens import Scope, digest, new_key, public_id
from app.cli.errors import abort, user_errors

if TYPE_CHECKING:
    from app.models import ApiKey
    from app.repositories.api_keys import ApiKeyRepository

T = TypeVar("T")

keys = typer.Typer(help="API keys of clients, for AUTH_MODE=writes.", no_args_is_help=True)

_MAX_NAME_LENGTH: Final = 100
_MAX_EXPIRES_DAYS: Final = 36_500
_COLUMNS: Final = "{:<14}{:<9}{:<24}{:<18}{:<18}{}"


@keys.command()
def create(
    *,
    name: Annotated[str, typer.Option(help="The client. One client may have several keys, to rotate them.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="Permission; repeatable. `deals:admin` also deletes hotels.", show_default="deals:write"),
    ] = None,
    expires_days: Annotated[
        int | None, typer.Option(min=1, max=_MAX_EXPIRES_DAYS, help="Days until it expires.", show_default="never")
    ] = None,
) -> None:
    """Create a key and print it.

    Standard output is the key alone. It cannot be displayed again: the database stores only its digest.
    """
    from app.config import load_settings
    from app.models import ApiKey

    key = new_key()
    with user_errors():
        row = ApiKey(
            public_id=_get_public_id(key),
            name=_clean_name(name),
            digest=digest(key, secret=load_settings().require_key_secret()),
            scopes=sorted(set(scope or [Scope.WRITE])),
            expires_at=None if expires_days is None else datetime.now(UTC) + timedelta(days=expires_days),
        )
        _run_in_transaction(lambda repository: repository.add(row))
    typer.echo(key)
    typer.echo("Clients send it in the header X-API-Key. It cannot be displayed again.", err=True)


@keys.command(name="list")
def list_keys(*, as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False) -> None:
    """List all keys, including expired and revoked ones, without their secrets."""
    with user_errors():
        rows = _run_in_transaction(lambda repository: repository.list())
    if as_json:
        typer.echo(json.dumps([_to_json(key) for key in rows], ensure_ascii=False, indent=2))
        return
    for columns in (("ID", "STATE", "SCOPES", "CREATED", "EXPIRES", "NAME"), *map(_format_columns, rows)):
        typer.echo(_COLUMNS.format(*columns))


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's ID, as listed by `deals keys list`.")],
) -> None:
    """Revoke a key permanently. All processes reject it within 5 seconds."""
    key_id = public_id(key) or key
    with user_errors():
        found = key_id.isascii() and _run_in_transaction(lambda repository: repository.revoke(key_id))
    if not found:
        abort("There is no key with this ID; `deals keys list` lists all of them.")
    typer.echo(f"Revoked {key_id}.")


def _run_in_transaction(work: "Callable[[ApiKeyRepository], Awaitable[T]]") -> T:
    """Return the result of `work` in one transaction on the database of the settings."""
    import asyncio

    from app.cli.maintenance import connect
    from app.config import load_settings
    from app.db.resolve import open_database
    from app.db.session import transaction
    from app.repositories.api_keys import ApiKeyRepository

    settings = load_settings()

    async def run(url: str) -> T:
        async with connect(url, settings) as database, transaction(database.sessions) as session:
            return await work(ApiKeyRepository(session))

    with open_database(settings) as database:
        return asyncio.run(run(database.url))


def _get_public_id(key: str) -> str:
    key_id = public_id(key)
    assert key_id is not None  # noqa: S101  `new_key` returns well-formed keys
    return key_id


def _clean_name(name: str) -> str:
    from app.schemas.base import clean_text

    try:
        return clean_text(name, max_length=_MAX_NAME_LENGTH)
    except ValueError as error:
        abort(f"The name {error}.")


def _get_state(key: "ApiKey") -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= datetime.now(UTC) else "valid"


def _format_columns(key: "ApiKey") -> tuple[str, ...]:
    expires = _format_time(key.expires_at) if key.expires_at else "never"
    return key.public_id, _get_state(key), " ".join(key.scopes), _format_time(key.created_at), expires, key.name


def _format_time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def _to_json(key: "ApiKey") -> dict[str, object]:
    times = {"created_at": key.created_at, "expires_at": key.expires_at, "revoked_at": key.revoked_at}
    return {
        "public_id": key.public_id,
        "name": key.name,
        "scopes": key.scopes,
        **{name: time and time.astimezone(UTC).isoformat() for name, time in times.items()},
        "state": _get_state(key),
    }
