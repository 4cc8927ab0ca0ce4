"""Addresses no client should ask for: every parameter of every endpoint, with every kind of value that does not fit."""

from typing import Final

import pytest

from tests.support.api_catalogue import Catalogue
from tests.support.error_assertions import assert_error
from tests.support.invalid_parameters import CURSOR, ENCODINGS, KEYS_IN_PATHS, QUERIES
from tests.support.raw_http import RawConnection

REPEATABLE: Final = {"city", "category"}
SINGLE: Final = [
    pytest.param(method, path, name, id=f"{method} {path} {name}")
    for (method, path), parameters in QUERIES.items()
    for name in parameters
    if name not in REPEATABLE
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
REFUSED: Final = [
    pytest.param(method, path, name, value, id=f"{method} {path} {name}: {what}")
    for (method, path), parameters in QUERIES.items()
    for name, values in parameters.items()
    for what, value in values.items()
]
UNDECODABLE: Final = [
    pytest.param(method, path, name, value, id=f"{method} {path} {name}: {what}")
    for (method, path), parameters in QUERIES.items()
    for name in parameters
    for what, value in ENCODINGS.items()
]
UNKNOWN_NAMES: Final = (
    "colour",
    "City",
    "city%5B%5D",
    "limit%00",
    "price_min%20",
    "__proto__",
    "",
    "y" * 5000,
    "%E2%80%AE",
)
KEYS: Final = [
    pytest.param(method, noun, value, id=f"{method} /{noun}s/…: {what}")
    for method in ("GET", "PATCH", "DELETE")
    for noun in ("deal", "hotel")
    for what, value in KEYS_IN_PATHS.items()
]


@pytest.mark.parametrize(("method", "path", "name", "value"), REFUSED)
def test_a_value_that_does_not_fit_is_refused_by_its_parameters_name(
    wire: RawConnection, catalogue: Catalogue, method: str, path: str, name: str, value: str
) -> None:
    before = catalogue.everything()
    assert_error(wire.request(method, f"{path}?{name}={value}"), "validation_error", fields={name}, value=value)
    assert catalogue.everything() == before


@pytest.mark.parametrize(("method", "path", "name", "value"), UNDECODABLE)
def test_an_encoding_that_can_not_be_undone_is_refused(
    wire: RawConnection, catalogue: Catalogue, method: str, path: str, name: str, value: str
) -> None:
    before = catalogue.everything()
    for query in (f"{name}={value}", f"{value}={name}", f"{name}&{value}"):
        answer = wire.request(method, f"{path}?{query}")
        assert_error(answer, "validation_error", fields={"query"}, value=value)
    assert catalogue.everything() == before


@pytest.mark.parametrize("name", CURSOR)
def test_a_cursor_that_was_not_given_out_is_refused(wire: RawConnection, name: str) -> None:
    assert_error(wire.request("GET", f"/deals?cursor={CURSOR[name]}"), "invalid_cursor", value=CURSOR[name])


@pytest.mark.parametrize(("method", "path", "name"), SINGLE)
def test_a_single_parameter_given_twice_is_refused(
    wire: RawConnection, catalogue: Catalogue, method: str, path: str, name: str
) -> None:
    before = catalogue.everything()
    answer = wire.request(method, f"{path}?{name}=1&{name}=1")
    assert_error(answer, "validation_error")
    assert {"field": name, "message": "must be given once"} in answer.json()["error"]["details"]
    assert catalogue.everything() == before


@pytest.mark.parametrize("name", UNKNOWN_NAMES, ids=lambda name: name[:20])
@pytest.mark.parametrize(("method", "path"), [*QUERIES, *WITHOUT_PARAMETERS])
def test_a_parameter_that_is_not_known_is_refused(
    wire: RawConnection, catalogue: Catalogue, method: str, path: str, name: str
) -> None:
    before = catalogue.everything()
    assert_error(wire.request(method, f"{path}?{name}=7e57", b"{}"), "unknown_parameter", value="7e57")
    assert catalogue.everything() == before


@pytest.mark.parametrize("path", ["/deals", "/deals/stats", "/hotels"])
@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("price_min=2.01&price_max=2", {"price_max"}),
        ("checkin_from=2026-03-02&checkin_to=2026-03-01", {"checkin_to"}),
        ("&".join(f"city={number}" for number in range(51)), {"city"}),
        ("&".join(f"category={number}" for number in range(51)), {"category"}),
        ("city=Rome&city=", {"city"}),
        (
            "min_stars=6&min_discount=101&price_min=-1&hotel_id=0",
            {"min_stars", "min_discount", "price_min", "hotel_id"},
        ),
        ("country=%00&colour=red&min_stars=2&min_stars=3", {"country", "colour", "min_stars"}),
    ],
)
def test_values_that_do_not_fit_together_are_refused(
    wire: RawConnection, path: str, query: str, fields: set[str]
) -> None:
    assert_error(wire.request("GET", f"{path}?{query}"), "validation_error", fields=fields)


@pytest.mark.parametrize(("method", "noun", "value"), KEYS)
def test_a_key_that_can_not_be_one_is_not_found(
    wire: RawConnection, catalogue: Catalogue, method: str, noun: str, value: str
) -> None:
    before = catalogue.everything()
    answer = wire.request(method, f"/{noun}s/{value}", b"{}")
    assert_error(answer, f"{noun}_not_found" if value else "not_found", value=value)
    assert catalogue.everything() == before
