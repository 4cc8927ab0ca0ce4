"""Whether the contestants do the same work: the same calls have to get the same answers."""

import json
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from itertools import islice
from typing import Any, Final

from benchmarks.cases import WRITES, Call, Material, calls
from benchmarks.contestants import HOST, ContestantError

_CALLS: Final = 3
_PAGE: Final = ("items", "total", "skip", "limit")
_OWN: Final = {"post": ("id", "created_at", "updated_at"), "patch": ("version", "updated_at")}
"""What answers to the same write can't have in common."""


def check_agreement(case: str, material: Material, ports: Mapping[str, int], *, undo: Callable[[], None]) -> None:
    """Raise ContestantError unless all contestants answer the case's first calls alike; `undo` takes deals back out."""
    for call in islice(calls(case, material, seed=0), _CALLS):
        answers = {}
        for turn, (name, port) in enumerate(ports.items()):
            answers[name] = _comparable(case, ask(port, _later(call, turn=turn) if case == "patch" else call))
            if case in WRITES:
                undo()
        for name, answer in answers.items():
            if answer != answers["service"]:
                raise ContestantError(f"{call} is answered by `{name}` with {answer}, not {answers['service']}.")


def ask(port: int, call: Call) -> Any:  # noqa: ANN401  any JSON
    """The answer as JSON. Raises ContestantError for an error."""
    client = HTTPConnection(HOST, port)
    try:
        client.request(call.method, call.path, call.body or None, {"Content-Type": "application/json"})
        answer = client.getresponse()
        body = answer.read()
        if answer.status not in {200, 201}:
            raise ContestantError(f"{call} is answered with {answer.status}: {body.decode(errors='replace')}")
        return json.loads(body)
    finally:
        client.close()


def _later(call: Call, *, turn: int) -> Call:
    """The same change, of the version that the contestants before have led to."""
    body = json.loads(call.body)
    return Call(call.method, call.path, json.dumps({**body, "version": body["version"] + turn}).encode())


def _comparable(case: str, answer: Any) -> Any:  # noqa: ANN401  any JSON
    if isinstance(answer, list):
        return answer
    if "items" in answer:
        return {name: answer[name] for name in _PAGE}
    return {name: value for name, value in answer.items() if name not in _OWN.get(case, ())}
