"""The ETag header, and 304 responses to GET."""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.entity_tags import compute_tag, is_listed

_STATUSES: Final = {"GET": HTTPStatus.OK, "PATCH": HTTPStatus.OK, "POST": HTTPStatus.CREATED}
"""The status, by method, of responses that represent the current state of a resource."""
_REPRESENTATION_HEADERS: Final = frozenset({b"content-length", b"content-type"})
_VARY: Final = (b"vary", b"Accept-Encoding")


class ETagMiddleware:
    """Add an `ETag` to each successful response with content, and replace one to GET by a 304 if the client has it.

    The tag is a hash of the content, so equal responses have equal tags in every process, and a write returns the same
    tag as the next read. It is weak if the response may be compressed, because all content codings share it: this
    middleware must be inside the compression middleware, which compresses responses of at least `compressed_size`
    bytes.
    """

    def __init__(self, app: ASGIApp, *, compressed_size: int) -> None:
        self.app = app
        self._compressed_size = compressed_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = _STATUSES.get(scope["method"]) if scope["type"] == "http" else None
        if status is None:
            await self.app(scope, receive, send)
            return
        start: Message | None = None

        async def send_with_etag(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == status:
                start = message
                return
            if start is not None:
                if not message.get("more_body", False):
                    self._add_etag(scope, start, message)
                await send(start)
                start = None
            await send(message)

        await self.app(scope, receive, send_with_etag)

    def _add_etag(self, scope: Scope, start: Message, body: Message) -> None:
        request_headers, content = Headers(scope=scope), body.get("body", b"")
        tag = compute_tag(content)
        is_weak = len(content) >= self._compressed_size and "accept-encoding" in request_headers
        headers = [*start["headers"], (b"etag", (f"W/{tag}" if is_weak else tag).encode())]
        if scope["method"] == "GET" and is_listed(tag, ",".join(request_headers.getlist("if-none-match"))):
            start["status"], body["body"] = HTTPStatus.NOT_MODIFIED.value, b""
            headers = [*(header for header in headers if header[0] not in _REPRESENTATION_HEADERS), _VARY]
        start["headers"] = headers
