"""Which pages of other sites may call the service from a browser."""

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

METHODS: Final = ("GET", "POST", "PATCH", "DELETE")
REQUEST_HEADERS: Final = ("X-API-Key", "Idempotency-Key", "Content-Type", "If-None-Match", "X-Request-ID")
ANSWER_HEADERS: Final = (
    *("Link", "Location", "ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"),
    "Idempotent-Replayed",
)


class Cors(CORSMiddleware):
    """Starlette's, for the origins that are listed, with the headers that the service reads and gives.

    What a browser asks before a call is answered 204 whether the call is allowed or not: it reads that from the
    headers, and nothing here has a body that is not JSON.
    """

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            expose_headers=ANSWER_HEADERS,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        headers = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        return Response(status_code=204, headers=headers)
