"""The HTTP protocol of the server: clients that close their sending side after a request still get the response.

PRIVATE: this module relies on internals of uvicorn 0.54. pyproject.toml pins the version, and
tests/server/test_uvicorn_contract.py checks that the names exist.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_PROBE_INTERVAL_SECONDS: Final = 0.1
"""Most requests end earlier, and their clients get no probe."""
_PROBE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class HalfCloseProtocol(HttpToolsProtocol):
    """Responds to clients that have shut down their sending side, and notices those that have closed the connection.

    Both are alike until something is sent, which a closed connection rejects. So while a response is pending, such
    a client is sent an interim response, which clients ignore, at every interval. HTTP/1.0 does not know these.
    """

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn closes the connection: it declares None
        """Return whether the connection stays open: for a response to a complete request."""
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
