"""The connections through the proxy, and what the weather does to them."""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

from faults.wire import Messages, is_commit

Cut = Literal["before", "after"]
"""Where a connection breaks: the server never sees the COMMIT, or it does and its answer is lost."""

_CHUNK: Final = 1 << 16
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)


class CutError(Exception):
    """The connection ends here, because the weather wants it."""


@dataclass(slots=True)
class Weather:
    """What happens to whatever passes."""

    delay: float = 0.0
    """Seconds by which each chunk comes later."""
    cut: Cut | None = None
    calm: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing passes unless it is set; it is kept, as TCP keeps what is not acknowledged."""
    cuts: int = 0
    """How many COMMITs were cut so far."""

    async def endure(self) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        await self.calm.wait()


class Link:
    """A client, and the server's side of its connection."""

    def __init__(self, weather: Weather, client: "Side", server: "Side") -> None:
        self._weather = weather
        self._client = client
        self._server = server
        self._messages = Messages()
        self._half_open = asyncio.Event()

    async def run(self) -> None:
        """Pass everything on, until one side ends or the weather ends it."""
        pumps = [asyncio.create_task(self._up()), asyncio.create_task(self._down())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._server.close()
            self._client.close()

    def reset(self) -> None:
        """Break it for both at once."""
        self._server.abort()
        self._client.abort()

    def lose_server(self) -> None:
        """Leave the client with a connection that nobody answers."""
        self._half_open.set()
        self._server.abort()

    async def _up(self) -> None:
        while data := await self._client.read():
            await self._weather.endure()
            if self._half_open.is_set():
                continue
            with suppress(ConnectionError):
                for message in self._messages.feed(data):
                    await self._forward(message)

    async def _forward(self, message: bytes) -> None:
        cut = self._weather.cut if is_commit(message) else None
        if cut != "before":
            await self._server.write(message)
        if cut is not None:
            self._weather.cuts += 1
            raise CutError

    async def _down(self) -> None:
        while data := await self._server.read():
            await self._weather.endure()
            await self._client.write(data)
        if self._half_open.is_set():
            await asyncio.Event().wait()  # until the client gives up, or the link is reset


@dataclass(frozen=True, slots=True)
class Side:
    """One end."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self) -> bytes:
        """What has come; nothing once the end is closed or broken."""
        with suppress(ConnectionError):
            return await self.reader.read(_CHUNK)
        return b""

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """Send what is left, and no more."""
        self.writer.close()

    def abort(self) -> None:
        """Send nothing more, and tell the other end by a reset."""
        own = self.writer.get_extra_info("socket")
        if own is not None and own.family != socket.AF_UNIX and own.fileno() >= 0:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        self.writer.transport.abort()
