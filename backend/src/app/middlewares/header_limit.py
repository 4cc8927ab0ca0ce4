"""Limits on request headers that uvicorn does not have."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import BadRequestError, ErrorDetail, HeadersTooLargeError

_MAX_FIELDS: Final = 100
_MAX_BYTES: Final = 32 * 1024
_VERSION_WITHOUT_HOST: Final = "1.0"


class HeaderLimitMiddleware:
    """Reject oversized headers with 431, and requests that proxies could interpret differently with 400.

    The latter have no `Host` or several, or a body together with `Upgrade`: uvicorn would read the body of an upgrade
    request as the next request (request smuggling).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            _validate(scope)
        await self.app(scope, receive, send)


def _validate(scope: Scope) -> None:
    headers = scope["headers"]
    if len(headers) > _MAX_FIELDS or sum(map(len, chain.from_iterable(headers))) > _MAX_BYTES:
        raise HeadersTooLargeError
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if hosts != 1 and (hosts or scope["http_version"] != _VERSION_WITHOUT_HOST):
        raise BadRequestError(details=[ErrorDetail("host", "must be sent exactly once")])
    if (b"upgrade" in names or scope["method"] == "CONNECT") and _has_body(headers):
        detail = ErrorDetail("upgrade", "must not be sent with a body")
        raise BadRequestError(details=[detail], headers={"Connection": "close"})


def _has_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)
