"""Bodies no client should send: every field of every write, with every kind of value that does not fit it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from tests.support import invalid_values
from tests.support.api_catalogue import DEAL, HOTEL, Catalogue
from tests.support.error_assertions import assert_error
from tests.support.raw_http import RawConnection

FINE_DEAL: Final = {
    "hotel_id": HOTEL,
    "room_type": "Suite",
    "star_rating": 5,
    "price_per_night": 129.99,
    "original_price": 185.7,
    "discount_percent": 30,
    "checkin_date": "2026-03-01",
    "checkout_date": "2026-03-04",
}
FINE_HOTEL: Final = {"name": "Crown Tower", "city": "Oslo", "country": "Norway", "phone": "+47-22-555-1333"}


@dataclass(frozen=True, slots=True)
class Write:
    """One way to write, with a body that would be accepted and the values that its fields refuse."""

    method: str
    target: str
    fine: Mapping[str, object]
    refused: Mapping[str, Mapping[str, str]]
    unknown: tuple[str, ...]

    def body(self, field: str, value: str) -> bytes:
        """The fine body with `value`, as JSON text, for `field`."""
        members = {name: json.dumps(content) for name, content in self.fine.items()} | {field: value}
        return f"{{{', '.join(f'{json.dumps(name)}: {content}' for name, content in members.items())}}}".encode()


_SET_BY_THE_SERVICE: Final = ("id", "created_at", "updated_at", "hotel", "avg_star_rating")
_NEVER: Final = ("", " ", "Name", "room type", "__class__", "\x00", "\ud800", "\u202e", "y" * 1000)
WRITES: Final = (
    Write("POST", "/deals", FINE_DEAL, invalid_values.DEAL, (*_SET_BY_THE_SERVICE, "version", *_NEVER)),
    Write("PATCH", f"/deals/{DEAL}", FINE_DEAL, invalid_values.DEAL_PATCH, (*_SET_BY_THE_SERVICE, *_NEVER)),
    Write("POST", "/hotels", FINE_HOTEL, invalid_values.HOTEL, (*_SET_BY_THE_SERVICE, "deals", *_NEVER)),
    Write("PATCH", f"/hotels/{HOTEL}", FINE_HOTEL, invalid_values.HOTEL, (*_SET_BY_THE_SERVICE, "version", *_NEVER)),
)


REFUSED: Final = [
    pytest.param(write, field, value, id=f"{write.method} {write.target} {field}: {name}")
    for write in WRITES
    for field, values in write.refused.items()
    for name, value in values.items()
]
UNPARSABLE: Final = [
    pytest.param(write, field, value, id=f"{write.method} {write.target} {field}: {name}")
    for write in WRITES
    for field in write.refused
    for name, value in invalid_values.NOT_JSON.items()
]
UNKNOWN: Final = [
    pytest.param(write, name, id=f"{write.method} {write.target} {name[:20]!a}")
    for write in WRITES
    for name in write.unknown
]


@pytest.mark.parametrize(("write", "field", "value"), REFUSED)
def test_a_value_that_does_not_fit_is_refused_by_its_fields_name(
    wire: RawConnection, catalogue: Catalogue, write: Write, field: str, value: str
) -> None:
    before = catalogue.everything()
    answer = wire.request(write.method, write.target, write.body(field, value))
    assert_error(answer, "validation_error", fields={field}, value=value.strip('"'))
    assert catalogue.everything() == before


@pytest.mark.parametrize(("write", "field", "value"), UNPARSABLE)
def test_a_value_that_is_not_json_is_refused(
    wire: RawConnection, catalogue: Catalogue, write: Write, field: str, value: str
) -> None:
    before = catalogue.everything()
    assert_error(wire.request(write.method, write.target, write.body(field, value)), "malformed_json", value=value)
    assert catalogue.everything() == before


@pytest.mark.parametrize(("write", "name"), UNKNOWN)
def test_a_field_that_is_not_known_is_refused(
    wire: RawConnection, catalogue: Catalogue, write: Write, name: str
) -> None:
    before = catalogue.everything()
    answer = wire.request(write.method, write.target, write.body(name, '"7e57"'))
    assert_error(answer, "validation_error", value="7e57")
    assert catalogue.everything() == before


@pytest.mark.parametrize("write", WRITES, ids=lambda write: f"{write.method} {write.target}")
def test_the_same_body_without_the_bad_value_is_accepted(
    wire: RawConnection, catalogue: Catalogue, write: Write
) -> None:
    before = catalogue.everything()
    answer = wire.request(write.method, write.target, json.dumps(write.fine).encode())
    assert answer.status in {200, 201}
    assert catalogue.everything() != before
    if answer.status == 201:
        assert wire.request("DELETE", answer.headers["location"]).status == 204


@pytest.mark.parametrize("write", [write for write in WRITES if write.method == "POST"], ids=lambda write: write.target)
def test_all_that_is_missing_is_named_at_once(wire: RawConnection, catalogue: Catalogue, write: Write) -> None:
    before = catalogue.everything()
    assert_error(wire.request("POST", write.target, b"{}"), "validation_error", fields=set(write.fine))
    assert catalogue.everything() == before


@pytest.mark.parametrize("write", WRITES, ids=lambda write: f"{write.method} {write.target}")
@pytest.mark.parametrize(
    "body", ["null", "[]", "[{}]", '"luxury"', "1299", "1299.5", "-1.299e+16", "true", '[["room_type", "Suite"]]']
)
def test_a_body_that_is_no_object_is_refused(
    wire: RawConnection, catalogue: Catalogue, write: Write, body: str
) -> None:
    before = catalogue.everything()
    assert_error(
        wire.request(write.method, write.target, body.encode()), "validation_error", fields={"body"}, value=body
    )
    assert catalogue.everything() == before
