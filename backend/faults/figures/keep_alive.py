"""After an error answer, whichever it is, the connection takes the next request."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from faults.figures.catalogue import NEW_DEAL
from faults.figures.crowd import Countdown, run, together
from faults.figures.database import holding
from faults.figures.figure import Figure, Findings, none_of
from faults.figures.plan import SERVICE, Plan
from faults.figures.stage import Stage, stage
from faults.figures.wire import Answer, Connection, CutError, encode

ERRORS: Final = 1_000
PLAYERS: Final = 8

_LOCKED_DEAL: Final = 2
_LOCK: Final = f"SELECT id FROM deals WHERE id = {_LOCKED_DEAL} FOR UPDATE"  # noqa: S608  a number of ours
_QUICK: Final = {"APP_DATABASE_LOCK_TIMEOUT": "0.05"}
_USED_KEY: Final = {"Idempotency-Key": "used-before"}
_FIRST_USE: Final = encode("POST", "/deals", NEW_DEAL, _USED_KEY)
_TAKEN: Final = {"name": "House 1", "city": "City 1", "country": "Country 1", "phone": "+1-416-555-1"}
_GOOD: Final = encode("GET", "/deals/1")
_OK: Final = 200

KINDS: Final[Mapping[str, tuple[int, bytes]]] = {
    "malformed_json": (400, encode("POST", "/deals", b'{"hotel_id":')),
    "not_found": (404, encode("GET", "/nothing")),
    "deal_not_found": (404, encode("GET", "/deals/999999999")),
    "hotel_not_found": (404, encode("POST", "/deals", {**NEW_DEAL, "hotel_id": 999_999_999})),
    "method_not_allowed": (405, encode("PUT", "/deals", b"{}")),
    "version_conflict": (409, encode("PATCH", "/deals/1", {"price_per_night": 1, "version": 2_000_000_000})),
    "external_id_taken": (409, encode("POST", "/deals", {**NEW_DEAL, "external_id": 1})),
    "hotel_exists": (409, encode("POST", "/hotels", _TAKEN)),
    "hotel_has_deals": (409, encode("DELETE", "/hotels/1")),
    "payload_too_large": (413, encode("POST", "/deals", b"y" * 100_000)),
    "unsupported_media_type": (415, encode("POST", "/deals", b"{}", {"content-type": "text/plain"})),
    "validation_error": (422, encode("POST", "/deals", {**NEW_DEAL, "star_rating": 6})),
    "unknown_parameter": (422, encode("GET", "/deals?colour=red")),
    "invalid_cursor": (422, encode("GET", "/deals?cursor=AAAA")),
    "idempotency_key_reused": (422, encode("POST", "/deals", {**NEW_DEAL, "star_rating": 1}, _USED_KEY)),
    "internal_error": (500, encode("GET", "/categories")),
    "service_unavailable": (503, encode("PATCH", f"/deals/{_LOCKED_DEAL}", {"price_per_night": 1})),
}
"""Errors by their code, each with its status and a request that leads to it."""


@dataclass(slots=True)
class Seen:
    """What came back."""

    cuts: Findings = field(default_factory=Findings)
    odd: Findings = field(default_factory=Findings)
    codes: "Counter[str]" = field(default_factory=Counter)

    def note(self, code: str, answer: Answer) -> None:
        self.codes[answer.code] += 1
        if (answer.status, answer.code) != (KINDS[code][0], code):
            self.odd.note(f"{code} was expected, and there came {answer}")
        if answer.closes:
            self.cuts.note(f"{code} announces the end of its connection")


def keep_alive(plan: Plan) -> Figure:
    """Errors of every kind in turn, each followed by a good request on the same connection."""
    if plan.factory == SERVICE:
        plan = replace(plan, factory="faults.figures.planted:create_crashing")
    with stage(plan, environment=_QUICK) as there:
        return measured(plan, there)


def measured(plan: Plan, there: Stage) -> Figure:
    """The same on a stage that is set, of a service in which GET /categories crashes."""
    seen, size = Seen(), plan.of(ERRORS, least=len(KINDS))
    run(_play(there, size, seen))
    goals = [
        none_of("connections cut after an error answer", seen.cuts, n=size),
        none_of("other answers than the error", seen.odd, n=size),
    ]
    faults = f"{len(seen.codes)} kinds of errors"
    return Figure("keep-alive", size, plan.seed, goals, faults, [*seen.cuts.examples, *seen.odd.examples])


async def _play(there: Stage, size: int, seen: Seen) -> None:
    async with Connection.to(there.port) as first:
        await first.ask(_FIRST_USE)
    countdown, kinds = Countdown(size), list(KINDS)

    async def play(_: int) -> None:
        connection = await Connection.open(there.port)
        while countdown.take():
            code = kinds[countdown.left % len(kinds)]
            if not await _is_kept(connection, code, seen):
                connection.close()
                connection = await Connection.open(there.port)
        connection.close()

    with holding(there.url, _LOCK):
        await together(PLAYERS, play)


async def _is_kept(connection: Connection, code: str, seen: Seen) -> bool:
    """Whether the connection has answered a good request after the error."""
    try:
        seen.note(code, await connection.ask(KINDS[code][1]))
        after = await connection.ask(_GOOD)
    except (CutError, TimeoutError) as error:
        seen.cuts.note(f"{code}: {error}")
        return False
    if after.status != _OK:
        seen.odd.note(f"after {code} a good request was answered {after}")
    return True
