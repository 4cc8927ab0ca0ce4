"""A client that notes every request and what became of it."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count, cycle
from typing import Any, Final

import httpx

from faults.catalogue import Value
from faults.history import History, Kind, Operation, Outcome

PATIENCE: Final = 10.0
"""Seconds after which a client gives up. The service promises an answer long before."""

_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_INTERNAL_ERROR: Final = 500
_UNAVAILABLE: Final = 503
_OUTCOME: Final = "outcome"
"""The detail of a 503 that does not know whether the write has happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One operation to be done."""

    kind: Kind
    method: str
    path: str
    key: int | None = None
    sent: Value | None = None
    base: int | None = None
    body: Mapping[str, Any] | None = None
    idempotency_key: str | None = None


@dataclass(slots=True)
class Client:
    """Sends to the workers in turn."""

    history: History
    http: httpx.AsyncClient
    urls: "cycle[str]"
    _processes: "count[int]" = field(default_factory=lambda: count(1))

    @classmethod
    @asynccontextmanager
    async def of(cls, urls: Sequence[str], history: History) -> AsyncIterator["Client"]:
        async with http_client(seconds=PATIENCE) as http:
            yield cls(history, http, cycle(urls))

    def new_process(self) -> int:
        return next(self._processes)

    async def send(self, request: Request, *, process: int) -> Operation:
        """Do it once, and note what came of it."""
        started = time.monotonic()
        try:
            answer: httpx.Response | Exception = await self._answer(request)
        except (httpx.HTTPError, TimeoutError) as error:
            answer = error
        operation = _noted(request, answer, process=process, started=started)
        self.history.add(operation)
        return operation

    async def _answer(self, request: Request) -> httpx.Response:
        headers = {"Idempotency-Key": request.idempotency_key} if request.idempotency_key else {}
        url = next(self.urls) + request.path
        async with asyncio.timeout(PATIENCE):
            return await self.http.request(
                request.method, url, content=_encoded(request.body, headers), headers=headers
            )


def http_client(*, seconds: float) -> httpx.AsyncClient:
    """A client with as many connections as it needs, which waits so long for an answer."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # whom it trusts takes longer to read than a run may take
    return httpx.AsyncClient(timeout=seconds, limits=limits, trust_env=False, verify=nobody)


def _encoded(body: Mapping[str, Any] | None, headers: dict[str, str]) -> bytes | None:
    if body is None:
        return None
    headers["Content-Type"] = "application/json"
    return json.dumps(body).encode()


def _noted(request: Request, answer: httpx.Response | Exception, *, process: int, started: float) -> Operation:
    told = _told(answer) if isinstance(answer, httpx.Response) else _nothing_told(answer)
    asked = {"kind": request.kind, "sent": request.sent, "base": request.base, "key": request.key}
    own = {"process": process, "start": started, "end": time.monotonic(), "idempotency_key": request.idempotency_key}
    return Operation(**{**asked, **own, **told})


def _nothing_told(error: Exception) -> dict[str, Any]:
    is_late = isinstance(error, TimeoutError | httpx.ReadTimeout)
    complaint = f"there was no answer within {PATIENCE:g} s" if is_late else None
    return {"outcome": Outcome.FAIL if isinstance(error, _NEVER_SENT) else Outcome.UNKNOWN, "complaint": complaint}


def _told(answer: httpx.Response) -> dict[str, Any]:
    told: dict[str, Any] = {
        "status": answer.status_code,
        "replayed": answer.headers.get("idempotent-replayed") == "true",
        "answer": sha256(answer.content).hexdigest()[:16],
    }
    if answer.is_success:
        return {**told, "outcome": Outcome.OK, **_deal(answer)}
    try:
        return {**told, **_refused(answer.status_code, _error(answer))}
    except (ValueError, TypeError, KeyError):
        outcome = Outcome.UNKNOWN if answer.is_server_error else Outcome.FAIL
        return {**told, "outcome": outcome, "complaint": "the answer is not an error in the service's own shape"}


def _refused(status: int, error: Mapping[str, Any]) -> dict[str, Any]:
    """A write that was refused did not happen, unless the answer says that nobody knows."""
    is_told_unknown = any(detail["field"] == _OUTCOME for detail in error.get("details", ()))
    is_refusal = status < _INTERNAL_ERROR or (status == _UNAVAILABLE and not is_told_unknown)
    return {
        "outcome": Outcome.FAIL if is_refusal else Outcome.UNKNOWN,
        "code": error["code"],
        "complaint": "the service answered 500" if status == _INTERNAL_ERROR else None,
    }


def _deal(answer: httpx.Response) -> dict[str, Any]:
    if not answer.content:
        return {}
    deal = answer.json()
    seen = Value(deal["room_type"], f"{deal['price_per_night']:.2f}")
    return {"key": deal["id"], "version": deal["version"], "seen": seen}


def _error(answer: httpx.Response) -> dict[str, Any]:
    """The error in the one shape that all of them have. Raises KeyError, TypeError or ValueError for another."""
    body = answer.json()
    error: dict[str, Any] = body["error"]
    texts = (error["code"], error["message"], error["request_id"])
    if set(body) != {"error"} or not all(isinstance(text, str) for text in texts):
        raise ValueError("it has other parts")
    return error
