"""Request bodies with invalid values: rejected with the name of the field, and without any effect."""

import json
from typing import Final

import pytest

from tests.support import invalid_values
from tests.support.api_catalogue import Catalogue
from tests.support.case_tables import check_each_case
from tests.support.error_assertions import assert_error
from tests.support.invalid_requests import NOT_AN_OBJECT, WRITES, Write
from tests.support.raw_http import RawConnection

FIELDS: Final = [pytest.param(write, field, id=f"{write} {field}") for write in WRITES for field in write.invalid]
CREATIONS: Final = [write for write in WRITES if write.method == "POST"]


@pytest.mark.parametrize(("write", "field"), FIELDS)
def test_invalid_field_values_are_rejected_by_field_name(
    port: int, catalogue: Catalogue, write: Write, field: str
) -> None:
    def check(wire: RawConnection, value: str) -> None:
        response = wire.request(write.method, write.target, write.body(field, value))
        assert_error(response, "validation_error", fields={field}, value=value.strip('"'))

    check_each_case(port, catalogue, write.invalid[field], check)


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_values_that_are_not_json_are_rejected_as_malformed(port: int, catalogue: Catalogue, write: Write) -> None:
    def check(wire: RawConnection, case: tuple[str, str]) -> None:
        field, value = case
        response = wire.request(write.method, write.target, write.body(field, value))
        assert_error(response, "malformed_json", value=value)

    cases = {
        f"{field}: {name}": (field, value) for field in write.invalid for name, value in invalid_values.NOT_JSON.items()
    }
    check_each_case(port, catalogue, cases, check)


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_unknown_fields_are_rejected(port: int, catalogue: Catalogue, write: Write) -> None:
    def check(wire: RawConnection, name: str) -> None:
        response = wire.request(write.method, write.target, write.body(name, '"7e57"'))
        assert_error(response, "validation_error", value="7e57")

    check_each_case(port, catalogue, {name: name for name in write.unknown}, check)


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_bodies_other_than_objects_are_rejected(port: int, catalogue: Catalogue, write: Write) -> None:
    def check(wire: RawConnection, body: str) -> None:
        response = wire.request(write.method, write.target, body.encode())
        assert_error(response, "validation_error", fields={"body"}, value=body)

    check_each_case(port, catalogue, {body: body for body in NOT_AN_OBJECT}, check)


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_valid_body_is_accepted(wire: RawConnection, catalogue: Catalogue, write: Write) -> None:
    before = catalogue.fetch_all_rows()
    response = wire.request(write.method, write.target, json.dumps(write.valid).encode())
    assert response.status in {200, 201}
    assert catalogue.fetch_all_rows() != before
    if response.status == 201:
        assert wire.request("DELETE", response.headers["location"]).status == 204


@pytest.mark.parametrize("write", CREATIONS, ids=str)
def test_all_missing_fields_are_named_at_once(wire: RawConnection, catalogue: Catalogue, write: Write) -> None:
    before = catalogue.fetch_all_rows()
    assert_error(wire.request("POST", write.target, b"{}"), "validation_error", fields=set(write.valid))
    assert catalogue.fetch_all_rows() == before
