"""A client that records every request and its outcome in the history."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from itertools import count, cycle
from typing import Any, Final

from faults.catalogue import Value
from faults.history import History, Kind, Operation, Outcome
from faults.http_client import (
    TIMEOUT_SECONDS,
    ConnectionLostError,
    ConnectionPool,
    NotSentError,
    Response,
    encode_request,
)

_METHODS: Final = {Kind.READ: "GET", Kind.CREATE: "POST", Kind.UPDATE: "PATCH", Kind.DELETE: "DELETE"}
_NEW_DEAL: Final = {
    "original_price": 99_999_999,
    "discount_percent": 0,
    "checkin_date": "2026-03-01",
    "checkout_date": "2026-03-04",
}
_UNKNOWN_OUTCOME_FIELD: Final = "outcome"
"""The detail of a 503 to a write that may have been committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An operation to run. A creation has no `deal_id`; an update or deletion may be conditional on a version."""

    kind: Kind
    deal_id: int | None = None
    sent: Value | None = None
    expected_version: int | None = None
    new_deal: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of a creation."""
    idempotency_key: str | None = None

    def encode(self, path_prefix: str) -> bytes:
        path = f"{path_prefix}/deals" + (f"/{self.deal_id}" if self.deal_id else "")
        if self.kind is Kind.DELETE and self.expected_version:
            path += f"?version={self.expected_version}"
        headers = {"idempotency-key": self.idempotency_key} if self.idempotency_key else {}
        return encode_request(_METHODS[self.kind], path, self._make_body(), headers)

    def _make_body(self) -> dict[str, Any] | None:
        if self.sent is None:
            return None
        values = {"room_type": self.sent.room_type, "price_per_night": float(self.sent.price_per_night)}
        if self.kind is Kind.CREATE:
            return {**_NEW_DEAL, **self.new_deal, **values}
        return {**values, "version": self.expected_version} if self.expected_version else values


@dataclass(slots=True)
class RecordingClient:
    """Sends requests to the workers in turn."""

    history: History
    pools: "cycle[ConnectionPool]"
    path_prefix: str = ""
    _processes: "count[int]" = field(default_factory=lambda: count(1))

    def new_process(self) -> int:
        """The number of a new logical process."""
        return next(self._processes)

    async def send(self, request: Request, *, process: int) -> Operation:
        """Send the request once, and record the outcome."""
        encoded, pool = request.encode(self.path_prefix), next(self.pools)
        started = time.monotonic()
        try:
            result = _interpret(await pool.send(encoded))
        except OSError as error:  # TimeoutError and ConnectionLostError included
            result = _interpret_error(error)
        operation = Operation(
            process=process,
            kind=request.kind,
            start=started,
            end=time.monotonic(),
            sent=request.sent,
            expected_version=request.expected_version,
            idempotency_key=request.idempotency_key,
            **{"deal_id": request.deal_id, **result},
        )
        self.history.add(operation)
        return operation


@asynccontextmanager
async def open_client(
    ports: Sequence[int], history: History, *, path_prefix: str = ""
) -> AsyncIterator[RecordingClient]:
    """A client; its connections are closed at the end of the block."""
    pools = [ConnectionPool(port) for port in ports]
    try:
        yield RecordingClient(history, cycle(pools), path_prefix)
    finally:
        for pool in pools:
            pool.close()


def _interpret_error(error: OSError) -> dict[str, Any]:
    was_sent = isinstance(error, TimeoutError | ConnectionLostError) and not isinstance(error, NotSentError)
    defect = f"no response within {TIMEOUT_SECONDS:g} s" if isinstance(error, TimeoutError) else None
    return {"outcome": Outcome.UNKNOWN if was_sent else Outcome.FAIL, "defect": defect}


def _interpret(response: Response) -> dict[str, Any]:
    result: dict[str, Any] = {
        "status": response.status,
        "replayed": response.has_header("idempotent-replayed"),
        "digest": sha256(response.body).hexdigest()[:16],
    }
    if response.is_success:
        return {**result, "outcome": Outcome.OK, **_parse_deal(response)}
    try:
        return {**result, **_interpret_rejection(response.status, _parse_error(response))}
    except (ValueError, TypeError, KeyError):
        is_server_error = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        outcome = Outcome.UNKNOWN if is_server_error else Outcome.FAIL
        return {**result, "outcome": outcome, "defect": "an error response of another format"}


def _interpret_rejection(status: int, error: Mapping[str, Any]) -> dict[str, Any]:
    """A rejected write did not take effect, unless the response reports an unknown outcome."""
    is_unknown = any(detail["field"] == _UNKNOWN_OUTCOME_FIELD for detail in error.get("details", ()))
    is_rejection = status < HTTPStatus.INTERNAL_SERVER_ERROR or (
        status == HTTPStatus.SERVICE_UNAVAILABLE and not is_unknown
    )
    return {
        "outcome": Outcome.FAIL if is_rejection else Outcome.UNKNOWN,
        "error_code": error["code"],
        "defect": "status 500" if status == HTTPStatus.INTERNAL_SERVER_ERROR else None,
    }


def _parse_deal(response: Response) -> dict[str, Any]:
    if not response.body:
        return {}
    deal = response.json()
    value = Value(deal["room_type"], f"{deal['price_per_night']:.2f}")
    return {"deal_id": deal["id"], "version": deal["version"], "returned": value}


def _parse_error(response: Response) -> dict[str, Any]:
    """The error object. Raises KeyError, TypeError or ValueError if the body has another format."""
    body = response.json()
    error: dict[str, Any] = body["error"]
    texts = (error["code"], error["message"], error["request_id"])
    if set(body) != {"error"} or not all(isinstance(text, str) for text in texts):
        raise ValueError("unexpected members")
    return error
