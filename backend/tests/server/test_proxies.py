"""Whose word the service takes for the address of a client."""

import http.client
from collections.abc import Iterator

import pytest

from tests.support.databases import TestServer
from tests.support.service_process import Service, service

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(server: TestServer) -> Iterator[str]:
    with server.copy() as url:
        yield url


def ask_for(running: Service, clients: str) -> int:
    """The status of a request that says that it comes from the last of these `clients`."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    connection.request("GET", "/nothing", headers={"X-Forwarded-For": clients})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_proxy_that_is_listed_is_believed_as_far_as_it_can_know(url: str) -> None:
    with service(url, APP_RATE_LIMIT="1/day", APP_SERVER_TRUSTED_PROXIES="127.0.0.0/8") as running:
        assert [ask_for(running, client) for client in ("192.0.2.1", "192.0.2.2", "192.0.2.1")] == [404, 404, 429]
        assert ask_for(running, "192.0.2.3, 192.0.2.1") == 429  # what a client itself puts before is not believed


def test_nobody_is_believed_otherwise(url: str) -> None:
    with service(url, APP_RATE_LIMIT="1/day", FORWARDED_ALLOW_IPS="*") as running:
        assert [ask_for(running, client) for client in ("192.0.2.1", "192.0.2.2")] == [404, 429]
