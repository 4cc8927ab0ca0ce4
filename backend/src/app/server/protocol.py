"""The HTTP protocol of the server: half-closed connections, and requests that cannot be parsed.

PRIVATE: this module relies on internals of uvicorn 0.54. pyproject.toml pins the version, and
tests/server/test_uvicorn_contract.py checks that the names exist.
"""

from contextvars import Context
from typing import Final
from uuid import uuid4

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.errors import render
from app.errors import BadRequestError
from app.middlewares.response_headers import API_ERROR_HEADERS

_PROBE_INTERVAL_SECONDS: Final = 0.1
"""Most requests end earlier, and their clients get no probe."""
_PROBE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger("access")


class HttpProtocol(HttpToolsProtocol):
    """Responds to clients that have shut down their sending side, and rejects requests that cannot be parsed.

    A client that has shut down its sending side and one that has closed the connection are alike until something is
    sent, which a closed connection rejects. So while a response is pending, such a client is sent an interim response,
    which clients ignore, at every interval. HTTP/1.0 does not know these.
    """

    _is_invalid = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's text
        """Reject the request and close the connection, after the responses to complete requests before it."""
        last: RequestResponseCycle | None = self.cycle
        if self._is_invalid:
            return  # it was already rejected, and this is the rest of it
        self._is_invalid = True
        if last is not None and last.more_body and self.pipeline:
            self.pipeline.popleft()  # the request itself, behind others
        elif last is None or last.more_body or last.response_complete:
            self._reject()

    def on_response_complete(self) -> None:
        is_last = not self.pipeline
        super().on_response_complete()
        if self._is_invalid and is_last:
            Context().run(self._reject)  # the context of the last request has its id and its code for the log

    def _reject(self) -> None:
        if self.transport.is_closing():
            return
        error, request_id = BadRequestError(), uuid4().hex
        log.info("invalid_request", request_id=request_id, address=self.client and self.client[0], code=error.code)
        response = render(error, request_id)
        headers = [*self.server_state.default_headers, *response.raw_headers, *API_ERROR_HEADERS]
        headers += [(b"x-request-id", request_id.encode()), (b"connection", b"close")]
        lines = [b"HTTP/1.1 400 Bad Request", *(b"%b: %b" % header for header in headers), b"", bytes(response.body)]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn closes the connection: it declares None
        """Return whether the connection stays open: for a response to a complete request, or for an error."""
        if self._is_invalid:
            return True
        last: RequestResponseCycle | None = self.cycle
        if last is None or last.response_complete or last.more_body:
            return False
        last.keep_alive = False
        self._probe_later()
        return True

    def _probe_later(self) -> None:
        self.loop.call_later(_PROBE_INTERVAL_SECONDS, self._probe)

    def _probe(self) -> None:
        cycle = self.cycle
        if cycle.response_complete or self.transport.is_closing():
            return
        if not self.pipeline and not cycle.response_started and cycle.scope["http_version"] != "1.0":
            self.transport.write(_PROBE)
        self._probe_later()
