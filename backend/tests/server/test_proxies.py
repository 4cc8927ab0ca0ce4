"""X-Forwarded-For is trusted from listed proxies only."""

from collections.abc import Iterator

import pytest

from tests.support.databases import TestServer
from tests.support.service_process import ServiceProcess, running_service

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(server: TestServer) -> Iterator[str]:
    with server.copy() as url:
        yield url


def request_for(service: ServiceProcess, forwarded_for: str) -> int:
    status, _, _ = service.request("/nothing", x_forwarded_for=forwarded_for)
    return status


def test_listed_proxy_is_trusted_for_its_own_entry(url: str) -> None:
    with running_service(url, APP_RATE_LIMIT="1/day", APP_SERVER_TRUSTED_PROXIES="127.0.0.0/8") as service:
        statuses = [request_for(service, client) for client in ("192.0.2.1", "192.0.2.2", "192.0.2.1")]
        assert statuses == [404, 404, 429]
        assert request_for(service, "192.0.2.3, 192.0.2.1") == 429, "the first entry comes from the client"


def test_other_addresses_are_not_trusted(url: str) -> None:
    with running_service(url, APP_RATE_LIMIT="1/day", FORWARDED_ALLOW_IPS="*") as service:
        assert [request_for(service, client) for client in ("192.0.2.1", "192.0.2.2")] == [404, 429]
