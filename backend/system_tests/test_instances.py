"""Two instances behind the shipped nginx configuration: rolling restarts, kills, and instances that do not respond."""

import http.client
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from devtools.ports import free_port
from system_tests.fake_instance import CLOSES, OK, SILENT, UNAVAILABLE, fake_instance
from system_tests.programs import nginx
from system_tests.proxy_errors import assert_proxy_error
from system_tests.rolling_clients import rolling_clients
from tests.support.api_catalogue import DEAL
from tests.support.databases import connect
from tests.support.raw_http import RawConnection, RawResponse
from tests.support.service_process import ServiceProcess, running_service

METHODS: Final = ("GET", "HEAD", "POST", "PATCH", "DELETE")
READS: Final = METHODS[:2]
CLOSED_PORT: Final = ()
"""Nothing listens on the port of the instance."""
OUTCOME_UNKNOWN: Final = [{"field": "outcome", "message": "outcome_unknown"}]
start_patient_service = partial(
    running_service,
    APP_DATABASE_LOCK_TIMEOUT="60",
    APP_DATABASE_STATEMENT_TIMEOUT="60",
    APP_DATABASE_POOL_TIMEOUT="60",
    APP_REQUEST_TIMEOUT="60",
)
"""An instance whose writes wait for locks, and whose requests do not time out on a busy machine."""
Instance = Sequence[bytes | None]
Exchange = tuple[RawResponse, int, int]
"""A response, and the numbers of requests that the two instances have received."""


def send(port: int, method: str) -> RawResponse:
    body = b'{"is_available": false}' if method in {"POST", "PATCH"} else None
    with RawConnection(port) as wire:
        return wire.request(method, f"/deals/{DEAL}", body)


def exchange(folder: Path, method: str, *instances: Instance) -> Exchange:
    """Send one request to a new nginx in front of two instances. It chooses the first one for its first request."""
    (folder / method).mkdir()
    with ExitStack() as stack:
        fakes = [stack.enter_context(fake_instance(*responses)) if responses else None for responses in instances]
        port = stack.enter_context(nginx(folder / method, *(fake.port if fake else free_port() for fake in fakes)))
        response = send(port, method)
    first, second = (len(fake.request_lines) if fake else 0 for fake in fakes)
    return response, first, second


def exchange_all(folder: Path, *instances: Instance) -> dict[str, Exchange]:
    with ThreadPoolExecutor(len(METHODS)) as pool:
        return dict(zip(METHODS, pool.map(lambda method: exchange(folder, method, *instances), METHODS), strict=True))


def assert_unavailable(response: RawResponse, method: str, *, received: bool) -> None:
    """Check that the error says whether a write may have been applied; only reads have no such sentence."""
    assert response.headers["retry-after"] == "1"
    if method == "HEAD":
        assert (response.status, response.body) == (503, b"")
        return
    assert_proxy_error(response, "service_unavailable")
    error = response.json()["error"]
    unknown = received and method not in READS
    assert error.get("details") == (OUTCOME_UNKNOWN if unknown else None)
    assert ("may or may not have been applied" in error["message"]) == unknown
    assert ("Nothing was changed." in error["message"]) == (not received and method not in READS)


def test_request_to_stopped_instance_gets_response_of_other(tmp_path: Path) -> None:
    for method, (response, _, second) in exchange_all(tmp_path, CLOSED_PORT, (OK,)).items():
        assert (response.status, second) == (200, 1), method


def test_write_that_no_instance_received_was_not_applied(tmp_path: Path) -> None:
    for method, (response, _, _) in exchange_all(tmp_path, CLOSED_PORT, CLOSED_PORT).items():
        assert_unavailable(response, method, received=False)


@pytest.mark.parametrize("failure", [CLOSES, SILENT], ids=["closes", "is silent"])
def test_write_that_an_instance_received_is_not_repeated(tmp_path: Path, failure: bytes | None) -> None:
    for method, (response, first, second) in exchange_all(tmp_path, (failure,), (OK,)).items():
        if method in READS and failure == CLOSES:
            assert (response.status, first, second) == (200, 1, 1), method
        else:
            assert (first, second) == (1, 0), method
            assert_unavailable(response, method, received=True)


def test_write_that_only_second_instance_received_has_unknown_outcome(tmp_path: Path) -> None:
    for method, (response, _, second) in exchange_all(tmp_path, CLOSED_PORT, (CLOSES,)).items():
        assert second == 1, method
        assert_unavailable(response, method, received=True)


def test_only_reads_are_repeated_after_503(tmp_path: Path) -> None:
    for method, (response, first, second) in exchange_all(tmp_path, (UNAVAILABLE,), (OK,)).items():
        assert (response.status, first, second) == ((200, 1, 1) if method in READS else (503, 1, 0)), method
        assert method in READS or response.body == b"{}"


def test_read_is_repeated_on_closed_keep_alive_connection(tmp_path: Path) -> None:
    with fake_instance(OK, CLOSES, OK) as both, nginx(tmp_path, both.port, both.port) as port:
        assert [send(port, "GET").status for _ in range(2)] == [200, 200]
    assert len(both.request_lines) == 3


def test_instance_is_used_at_once_when_it_is_back(tmp_path: Path) -> None:
    first = free_port()
    with nginx(tmp_path, first) as port:
        for method in METHODS:
            assert send(port, method).status == http.client.SERVICE_UNAVAILABLE
        with fake_instance(OK, port=first):
            assert {send(port, method).status for method in METHODS} == {http.client.OK}


def test_rolling_restart_fails_no_request(url: str, tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    with ExitStack() as stack:
        instances = [stack.enter_context(start_patient_service(url, port=port)) for port in ports]
        clients = stack.enter_context(rolling_clients(4, port=stack.enter_context(nginx(tmp_path, *ports))))
        for old, port in zip(instances, ports, strict=True):
            clients.wait_for_rounds(20)
            old.process.terminate()
            old.process.wait(20)
            clients.wait_for_rounds(20)
            stack.enter_context(start_patient_service(url, port=port))
        clients.wait_for_rounds(20)
        clients.stop()
    assert clients.failures == []


def get_version(instance: ServiceProcess) -> int:
    return int(instance.get(f"/deals/{DEAL}")[1]["version"])


def test_write_whose_instance_is_killed_has_unknown_outcome(url: str, tmp_path: Path) -> None:
    with (
        start_patient_service(url) as first,
        running_service(url) as second,
        nginx(tmp_path, first.port, second.port) as port,
        ThreadPoolExecutor(1) as pool,
        closing(connect(url)) as blocker,
        blocker.cursor() as cursor,
    ):
        before = get_version(second)
        cursor.execute("SELECT pg_backend_pid() FROM deals WHERE id = %s FOR UPDATE", [DEAL])
        request = pool.submit(send, port, "PATCH")
        first.wait_until(lambda: is_blocking(url, cursor.connection.info.backend_pid))
        first.process.kill()
        assert_unavailable(request.result(), "PATCH", received=True)
        blocker.rollback()
        assert get_version(second) == before
        assert send(port, "PATCH").status == http.client.OK


def is_blocking(url: str, pid: int) -> bool:
    """Whether a session waits for the session `pid`."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid)))", [pid])
        return bool(cursor.fetchall()[0][0])
