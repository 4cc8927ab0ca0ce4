"""Assertions on the errors that nginx itself returns."""

from dataclasses import replace

from tests.support.error_assertions import STATUS_BY_CODE, assert_error
from tests.support.raw_http import RawResponse


def assert_proxy_error(response: RawResponse, code: str, status: int | None = None) -> None:
    """Check the service's error shape and its headers for browsers; `status` if it is not that of `code`."""
    assert response.status == (status or STATUS_BY_CODE[code])
    assert_error(replace(response, status=STATUS_BY_CODE[code]), code)
    assert (response.headers["cache-control"], response.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert response.headers["server"] in {None, "nginx"}
