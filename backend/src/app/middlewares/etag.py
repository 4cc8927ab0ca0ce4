"""Conditional GET: the ETag header and 304 responses."""

import hashlib
import re
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TAG: Final = re.compile(rb'(?:W/)?("[^"]*")')
_REPRESENTATION_HEADERS: Final = frozenset({b"content-length", b"content-type"})
_VARY: Final = (b"vary", b"Accept-Encoding")


class ETagMiddleware:
    """Add an `ETag` to each successful response to GET, and replace it by a 304 if the client already has it.

    The tag is a hash of the content, so equal responses have equal tags in every process. It is weak because all
    content codings share it: this middleware must be inside the compression middleware.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: Message | None = None

        async def send_with_etag(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                start = message
                return
            if start is not None:
                if not message.get("more_body", False):
                    _add_etag(scope, start, message)
                await send(start)
                start = None
            await send(message)

        await self.app(scope, receive, send_with_etag)


def _add_etag(scope: Scope, start: Message, body: Message) -> None:
    tag = b'"%s"' % hashlib.sha256(body.get("body", b"")).hexdigest()[:32].encode()
    headers = [*start["headers"], (b"etag", b"W/" + tag)]
    if _matches(tag, _get_header(scope, b"if-none-match")):
        start["status"], body["body"] = HTTPStatus.NOT_MODIFIED.value, b""
        headers = [*(header for header in headers if header[0] not in _REPRESENTATION_HEADERS), _VARY]
    start["headers"] = headers


def _matches(tag: bytes, if_none_match: bytes) -> bool:
    """Compare weakly: `W/` is ignored, and `*` matches any tag."""
    return bool(if_none_match) and (if_none_match.strip() == b"*" or tag in _TAG.findall(if_none_match))


def _get_header(scope: Scope, name: bytes) -> bytes:
    """All values of a request header, joined with commas."""
    return b",".join([value for key, value in scope["headers"] if key == name])
