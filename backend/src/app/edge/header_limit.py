"""Bounds on a request's header, which the server itself does not have."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import BadRequestError, HeadersTooLargeError, Problem

_MOST_FIELDS: Final = 100
_MOST_BYTES: Final = 32 * 1024
_WITHOUT_HOST: Final = "1.0"


class HeaderLimit:
    """Refuse more than 100 fields, more than 32 KB of them, any other number of `Host` than one, and a body to upgrade.

    The server takes what follows an offer of another protocol for the next request, whatever length was announced.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            _check(scope)
        await self.app(scope, receive, send)


def _check(scope: Scope) -> None:
    fields = scope["headers"]
    if len(fields) > _MOST_FIELDS or sum(map(len, chain.from_iterable(fields))) > _MOST_BYTES:
        raise HeadersTooLargeError
    names = [name for name, _ in fields]
    hosts = names.count(b"host")
    if hosts != 1 and (hosts or scope["http_version"] != _WITHOUT_HOST):
        raise BadRequestError(details=[Problem("host", "must be given exactly once")])
    if (b"upgrade" in names or scope["method"] == "CONNECT") and _has_body(fields):
        problem = Problem("upgrade", "must not be asked for with a body")
        raise BadRequestError(details=[problem], headers={"Connection": "close"})


def _has_body(fields: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in fields)
