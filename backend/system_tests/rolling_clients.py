"""Clients that read and write through the proxy in a loop, and record every request that fails."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Final

from tests.support.api_catalogue import DEAL, EMPTY_HOTEL
from tests.support.raw_http import JSON

_TIMEOUT_SECONDS: Final = 60
_POLL_INTERVAL: Final = 0.02
_NEW_DEAL: Final = {
    "hotel_id": EMPTY_HOTEL,
    "room_type": "Suite",
    "star_rating": 5,
    "price_per_night": 90,
    "original_price": 100,
    "discount_percent": 10,
    "checkin_date": "2026-03-01",
    "checkout_date": "2026-03-04",
}


class RollingClients:
    """Each client reads, creates, updates and deletes a deal of its own, again and again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stopped = Event()
        self._threads: list[Thread] = []
        self.rounds = 0
        self.failures: list[str] = []

    def start(self, count: int) -> None:
        self._threads = [Thread(target=self._run) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(_TIMEOUT_SECONDS)

    def wait_for_rounds(self, count: int) -> None:
        """Wait until the clients have repeated their requests `count` times from now on."""
        end, deadline = self.rounds + count, time.monotonic() + _TIMEOUT_SECONDS
        while self.rounds < end:
            assert time.monotonic() < deadline, "the clients get no responses"
            time.sleep(_POLL_INTERVAL)

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        while not self._stopped.is_set():
            try:
                self._run_round(connection)
            except (OSError, http.client.HTTPException, KeyError, ValueError) as error:
                self.failures.append(repr(error))
                connection.close()
            self.rounds += 1
        connection.close()

    def _run_round(self, connection: http.client.HTTPConnection) -> None:
        self._send(connection, "GET", "/deals?limit=1")
        self._send(connection, "GET", f"/deals/{DEAL}")
        path = f"/deals/{self._send(connection, 'POST', '/deals', _NEW_DEAL)['id']}"
        self._send(connection, "PATCH", path, {"is_available": False})
        self._send(connection, "DELETE", path)

    def _send(self, connection: http.client.HTTPConnection, method: str, path: str, body: object = None) -> Any:
        connection.request(method, path, None if body is None else json.dumps(body), JSON)
        response = connection.getresponse()
        content = response.read()
        if response.status >= http.client.BAD_REQUEST:
            raise ValueError(f"{method} {path}: {response.status} {content!r}")
        return json.loads(content or b"{}")


@contextmanager
def rolling_clients(count: int, *, port: int) -> Iterator[RollingClients]:
    clients = RollingClients(port)
    clients.start(count)
    try:
        yield clients
    finally:
        clients.stop()
