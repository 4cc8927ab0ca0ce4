"""Bugs around the service: what it says is kept, repeated or changed on the way."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEY: Final = b"idempotency-key"
_UNAVAILABLE: Final = 503


@dataclass(slots=True)
class Answer:
    """An answer, held back."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def keep(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    async def give(self, send: Send) -> None:
        others = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        headers = [*others, (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def answer_of(service: ASGIApp, scope: Scope, body: bytes) -> Answer:
    """What the service says to the request, asked once."""
    answer, messages = Answer(), [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    await service(scope, receive, answer.keep)
    return answer


async def body_of(receive: Receive) -> bytes:
    body, is_whole = b"", False
    while not is_whole:
        message = await receive()
        body += message.get("body", b"")
        is_whole = not message.get("more_body", False)
    return body


@dataclass(slots=True)
class Wrapper:
    """Reads the whole request, and holds the whole answer back."""

    service: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self.answer(scope, await body_of(receive))
        await answer.give(send)

    async def answer(self, scope: Scope, body: bytes) -> Answer:
        return await answer_of(self.service, dict(scope), body)


class BlindRetry(Wrapper):
    """Sends a write again whose outcome nobody knows, and without a key to tell that it is the same."""

    async def answer(self, scope: Scope, body: bytes) -> Answer:
        answer = await answer_of(self.service, dict(scope), body)
        if answer.status == _UNAVAILABLE and scope["method"] == "POST":
            answer = await answer_of(self.service, dict(scope), body)
        return answer


class CrashForDatabaseError(Wrapper):
    """Says 500 where the database was not there."""

    async def answer(self, scope: Scope, body: bytes) -> Answer:
        answer = await answer_of(self.service, dict(scope), body)
        if answer.status == _UNAVAILABLE:
            return Answer(500, [(b"content-type", b"text/plain")], b"Internal Server Error")
        return answer


class OtherReplay(Wrapper):
    """Says it in other words the second time."""

    async def answer(self, scope: Scope, body: bytes) -> Answer:
        answer = await answer_of(self.service, dict(scope), body)
        if any(name.lower() == b"idempotent-replayed" for name, _ in answer.headers):
            answer.body += b" "
        return answer


@dataclass(slots=True)
class StaleReads(Wrapper):
    """Keeps what was read, and never asks again."""

    kept: MutableMapping[str, Answer] = field(default_factory=dict)

    async def answer(self, scope: Scope, body: bytes) -> Answer:
        if scope["method"] != "GET":
            return await answer_of(self.service, dict(scope), body)
        if scope["path"] not in self.kept:
            self.kept[scope["path"]] = await answer_of(self.service, dict(scope), body)
        return self.kept[scope["path"]]


@dataclass(slots=True)
class CheckThenInsert(Wrapper):
    """Looks whether a key was used, does the work if not, and then notes the key."""

    used: MutableMapping[str, Answer] = field(default_factory=dict)

    async def answer(self, scope: Scope, body: bytes) -> Answer:
        key = Headers(scope=scope).get("idempotency-key")
        if key is None:
            return await answer_of(self.service, dict(scope), body)
        if key not in self.used:
            plain = [(name, value) for name, value in scope["headers"] if name.lower() != _KEY]
            self.used[key] = await answer_of(self.service, {**scope, "headers": plain}, body)
        return self.used[key]
