"""Response headers for browsers and caches, and for clients that keep their connection open."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services.health import is_draining

Headers = list[tuple[bytes, bytes]]

_ALWAYS: Final[Headers] = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_CLOSE: Final = (b"connection", b"close")
_NO_CACHE: Final = (b"cache-control", b"no-cache")
_NO_STORE: Final = (b"cache-control", b"no-store")
_API_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
# The pages contain inline scripts, and request only the service itself. ReDoc searches in a worker.
_PAGE_POLICY: Final = (
    b"content-security-policy",
    b"default-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:; frame-ancestors 'none'",
)
_PAGE_PATHS: Final = ("/docs", "/redoc")
_CACHEABLE_STATUSES: Final = frozenset({200, 304})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final[dict[tuple[bool, bool], Headers]] = {
    (cacheable, page): [*_ALWAYS, _NO_CACHE if cacheable else _NO_STORE, _PAGE_POLICY if page else _API_POLICY]
    for cacheable in (True, False)
    for page in (True, False)
}
API_ERROR_HEADERS: Final = _HEADERS[False, False]
"""The headers of every error, except of the pages."""


class ResponseHeadersMiddleware:
    """Add the headers to every response, and `Connection: close` while the service shuts down.

    Caches may store successful reads but must revalidate them (no-cache); everything else is no-store.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_headers(scope, message["status"])]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _headers(scope: Scope, status: int) -> Headers:
    path = scope["path"]
    is_read = scope["method"] in _SAFE_METHODS and not path.startswith("/health")
    headers = _HEADERS[is_read and status in _CACHEABLE_STATUSES, path.startswith(_PAGE_PATHS)]
    return [*headers, _CLOSE] if is_draining(scope["state"]) else headers
