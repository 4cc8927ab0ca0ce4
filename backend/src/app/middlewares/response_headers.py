"""What every answer carries for browsers, caches and clients that keep their connection."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

_ALWAYS: Final[Headers] = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_CLOSE: Final = (b"connection", b"close")
_REVALIDATED: Final = (b"cache-control", b"no-cache")
_NEVER_STORED: Final = (b"cache-control", b"no-store")
_DATA: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
# The pages have their scripts inline; what these load and ask is the service's own. ReDoc searches in a worker.
_PAGES: Final = (
    b"content-security-policy",
    b"default-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:; frame-ancestors 'none'",
)
_PAGE_PATHS: Final = ("/docs", "/redoc", "/static-offline-docs/")
_KEPT: Final = frozenset({200, 304})
_READING: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final[dict[tuple[bool, bool], Headers]] = {
    (kept, page): [*_ALWAYS, _REVALIDATED if kept else _NEVER_STORED, _PAGES if page else _DATA]
    for kept in (True, False)
    for page in (True, False)
}


class ResponseHeadersMiddleware:
    """Add them to every answer. One that is given while the service stops also closes its connection.

    Answers to reads may be kept by whoever asks each time whether they still hold; nothing else may be kept.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_headers(scope, message["status"])]
            await send(message)

        await self.app(scope, receive, with_headers)


def _headers(scope: Scope, status: int) -> Headers:
    path = scope["path"]
    kept = status in _KEPT and scope["method"] in _READING and not path.startswith("/health")
    headers = _HEADERS[kept, path.startswith(_PAGE_PATHS)]
    draining = scope["state"].get("draining")
    return [*headers, _CLOSE] if draining is not None and draining.is_set() else headers
