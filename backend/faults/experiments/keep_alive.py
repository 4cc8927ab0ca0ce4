"""After an error response of any kind, the connection accepts the next request."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

import uvloop

from faults.database import hold_lock
from faults.environment import Environment
from faults.experiments.concurrency import Quota, run_clients
from faults.experiments.experiment import ExperimentResult, Options, Violations, expect_none
from faults.experiments.requests import NEW_DEAL
from faults.http_client import Connection, ConnectionLostError, Response, connect, encode_request
from faults.workers import SERVICE

ERRORS: Final = 1_000
CLIENTS: Final = 8

_LOCKED_DEAL: Final = 2
_LOCK_DEAL: Final = f"SELECT id FROM deals WHERE id = {_LOCKED_DEAL} FOR UPDATE"  # noqa: S608  a constant
_SHORT_LOCK_TIMEOUT: Final = {"APP_DATABASE_LOCK_TIMEOUT": "0.05"}
_USED_KEY: Final = {"idempotency-key": "used-before"}
_FIRST_USE: Final = encode_request("POST", "/deals", NEW_DEAL, _USED_KEY)
_EXISTING_HOTEL: Final = {"name": "Hotel 1", "city": "City 1", "country": "Country 1", "phone": "+1-416-555-1"}
_VALID_REQUEST: Final = encode_request("GET", "/deals/1")

KINDS: Final[Mapping[str, tuple[int, bytes]]] = {
    "malformed_json": (400, encode_request("POST", "/deals", b'{"hotel_id":')),
    "not_found": (404, encode_request("GET", "/nothing")),
    "deal_not_found": (404, encode_request("GET", "/deals/999999999")),
    "hotel_not_found": (404, encode_request("POST", "/deals", {**NEW_DEAL, "hotel_id": 999_999_999})),
    "method_not_allowed": (405, encode_request("PUT", "/deals", b"{}")),
    "version_conflict": (409, encode_request("PATCH", "/deals/1", {"price_per_night": 1, "version": 2_000_000_000})),
    "external_id_taken": (409, encode_request("POST", "/deals", {**NEW_DEAL, "external_id": 1})),
    "hotel_exists": (409, encode_request("POST", "/hotels", _EXISTING_HOTEL)),
    "hotel_has_deals": (409, encode_request("DELETE", "/hotels/1")),
    "payload_too_large": (413, encode_request("POST", "/deals", b"y" * 100_000)),
    "unsupported_media_type": (415, encode_request("POST", "/deals", b"{}", {"content-type": "text/plain"})),
    "validation_error": (422, encode_request("POST", "/deals", {**NEW_DEAL, "star_rating": 6})),
    "unknown_parameter": (422, encode_request("GET", "/deals?colour=red")),
    "invalid_cursor": (422, encode_request("GET", "/deals?cursor=AAAA")),
    "idempotency_key_reused": (422, encode_request("POST", "/deals", {**NEW_DEAL, "star_rating": 1}, _USED_KEY)),
    "internal_error": (500, encode_request("GET", "/categories")),
    "service_unavailable": (503, encode_request("PATCH", f"/deals/{_LOCKED_DEAL}", {"price_per_night": 1})),
}
"""By error code: the status, and a request that causes the error."""


@dataclass(slots=True)
class Measurements:
    closed: Violations = field(default_factory=Violations)
    unexpected: Violations = field(default_factory=Violations)
    codes: "Counter[str]" = field(default_factory=Counter)

    def record(self, expected_code: str, response: Response) -> None:
        self.codes[response.error_code] += 1
        if (response.status, response.error_code) != (KINDS[expected_code][0], expected_code):
            self.unexpected.record(f"expected {expected_code}: {response}")
        if response.closes_connection:
            self.closed.record(f"{expected_code} has `Connection: close`")


def run(options: Options) -> ExperimentResult:
    """Cause errors of all kinds in turn, each followed by a valid request on the same connection."""
    if options.app_factory == SERVICE:
        options = replace(options, app_factory="faults.mutants.broken_service:create_crashing")
    with options.start(settings=_SHORT_LOCK_TIMEOUT) as environment:
        return measure(options, environment)


def measure(options: Options, environment: Environment) -> ExperimentResult:
    """Requires a service in which GET /categories fails with a 500."""
    seen, size = Measurements(), options.scaled(ERRORS, minimum=len(KINDS))
    uvloop.run(_run_clients(environment, size, seen))
    criteria = [
        expect_none("connections closed after an error response", seen.closed, n=size),
        expect_none("unexpected responses", seen.unexpected, n=size),
    ]
    return ExperimentResult(size, criteria, f"{len(seen.codes)} kinds of errors")


async def _run_clients(environment: Environment, size: int, seen: Measurements) -> None:
    async with connect(environment.port) as first:
        await first.send(_FIRST_USE)
    quota, codes = Quota(size), list(KINDS)

    async def run_client(_: int) -> None:
        connection = await Connection.open(environment.port)
        while quota.take():
            code = codes[quota.remaining % len(codes)]
            if not await _stays_open(connection, code, seen):
                connection.close()
                connection = await Connection.open(environment.port)
        connection.close()

    with hold_lock(environment.database_url, _LOCK_DEAL):
        await run_clients(CLIENTS, run_client)


async def _stays_open(connection: Connection, code: str, seen: Measurements) -> bool:
    """Whether the connection responds to a valid request after the error."""
    try:
        seen.record(code, await connection.send(KINDS[code][1]))
        following = await connection.send(_VALID_REQUEST)
    except (ConnectionLostError, TimeoutError) as error:
        seen.closed.record(f"{code}: {error}")
        return False
    if following.status != HTTPStatus.OK:
        seen.unexpected.record(f"the valid request after {code} returned {following}")
    return True
