"""Query strings and ids with invalid values: rejected with the name of the parameter, and without any effect."""

from collections.abc import Mapping
from typing import Final

import pytest

from tests.support.api_catalogue import Catalogue
from tests.support.case_tables import check_each_case
from tests.support.error_assertions import assert_error
from tests.support.invalid_parameters import CURSOR, ENCODINGS, INVALID_IDS, QUERIES
from tests.support.invalid_requests import UNKNOWN_PARAMETERS
from tests.support.raw_http import RawConnection

REPEATABLE: Final = {"city", "category"}
PARAMETERS: Final = [
    pytest.param(method, path, name, values, id=f"{method} {path} {name}")
    for (method, path), parameters in QUERIES.items()
    for name, values in parameters.items()
]
WITHOUT_PARAMETERS: Final = (
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/categories"),
    ("GET", "/deals/1"),
    ("PATCH", "/deals/1"),
    ("POST", "/deals"),
    ("GET", "/hotels/1"),
    ("PATCH", "/hotels/1"),
    ("POST", "/hotels"),
    ("DELETE", "/hotels/2"),
)
CONTRADICTIONS: Final[Mapping[str, set[str]]] = {
    "price_min=2.01&price_max=2": {"price_max"},
    "checkin_from=2026-03-02&checkin_to=2026-03-01": {"checkin_to"},
    "&".join(f"city={number}" for number in range(51)): {"city"},
    "&".join(f"category={number}" for number in range(51)): {"category"},
    "city=Rome&city=": {"city"},
    "min_stars=6&min_discount=101&price_min=-1&hotel_id=0": {"min_stars", "min_discount", "price_min", "hotel_id"},
    "country=%00&colour=red&min_stars=2&min_stars=3": {"country", "colour", "min_stars"},
}


@pytest.mark.parametrize(("method", "path", "name", "values"), PARAMETERS)
def test_invalid_parameter_values_are_rejected_by_parameter_name(
    port: int, catalogue: Catalogue, method: str, path: str, name: str, values: Mapping[str, str]
) -> None:
    def check(wire: RawConnection, value: str) -> None:
        response = wire.request(method, f"{path}?{name}={value}")
        assert_error(response, "validation_error", fields={name}, value=value)

    check_each_case(port, catalogue, values, check)


@pytest.mark.parametrize(("method", "path"), QUERIES)
def test_undecodable_query_strings_are_rejected(port: int, catalogue: Catalogue, method: str, path: str) -> None:
    def check(wire: RawConnection, case: tuple[str, str]) -> None:
        name, value = case
        for query in (f"{name}={value}", f"{value}={name}", f"{name}&{value}"):
            response = wire.request(method, f"{path}?{query}")
            assert_error(response, "validation_error", fields={"query"}, value=value)

    cases = {
        f"{name}: {encoding}": (name, value) for name in QUERIES[method, path] for encoding, value in ENCODINGS.items()
    }
    check_each_case(port, catalogue, cases, check)


def test_cursors_that_the_service_did_not_issue_are_rejected(port: int, catalogue: Catalogue) -> None:
    def check(wire: RawConnection, cursor: str) -> None:
        assert_error(wire.request("GET", f"/deals?cursor={cursor}"), "invalid_cursor", value=cursor)

    check_each_case(port, catalogue, CURSOR, check)


@pytest.mark.parametrize(("method", "path"), QUERIES)
def test_repeated_single_valued_parameters_are_rejected(
    port: int, catalogue: Catalogue, method: str, path: str
) -> None:
    def check(wire: RawConnection, name: str) -> None:
        response = wire.request(method, f"{path}?{name}=1&{name}=1")
        assert_error(response, "validation_error")
        assert {"field": name, "message": "must appear only once"} in response.json()["error"]["details"]

    single = QUERIES[method, path].keys() - REPEATABLE
    check_each_case(port, catalogue, {name: name for name in single}, check)


@pytest.mark.parametrize(("method", "path"), [*QUERIES, *WITHOUT_PARAMETERS])
def test_unknown_parameters_are_rejected(port: int, catalogue: Catalogue, method: str, path: str) -> None:
    def check(wire: RawConnection, name: str) -> None:
        assert_error(wire.request(method, f"{path}?{name}=7e57", b"{}"), "unknown_parameter", value="7e57")

    check_each_case(port, catalogue, {name: name for name in UNKNOWN_PARAMETERS}, check)


@pytest.mark.parametrize("path", ["/deals", "/deals/stats", "/hotels"])
def test_contradictory_parameters_are_rejected(port: int, catalogue: Catalogue, path: str) -> None:
    def check(wire: RawConnection, case: tuple[str, set[str]]) -> None:
        query, fields = case
        assert_error(wire.request("GET", f"{path}?{query}"), "validation_error", fields=fields)

    cases = {query: (query, fields) for query, fields in CONTRADICTIONS.items()}
    check_each_case(port, catalogue, cases, check)


@pytest.mark.parametrize("noun", ["deal", "hotel"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_invalid_ids_are_not_found(port: int, catalogue: Catalogue, method: str, noun: str) -> None:
    def check(wire: RawConnection, value: str) -> None:
        response = wire.request(method, f"/{noun}s/{value}", b"{}")
        assert_error(response, f"{noun}_not_found", value=value)

    check_each_case(port, catalogue, {name: value for name, value in INVALID_IDS.items() if value}, check)
