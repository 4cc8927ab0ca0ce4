"""A TCP proxy in front of PostgreSQL's socket: `python -m faults.proxy`, a process of its own, told by a second socket.

It needs no help from the kernel. The moods are those of Toxiproxy that matter between a service and its database, and
a cut at the very moment when a COMMIT passes.
"""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from faults.links import Link, Side, Weather
from faults.processes import BACKEND, HOST, free_port, module, plain_environment, wait_until

_START_SECONDS: Final = 30.0
_PATIENCE: Final = 10.0
_LATENCY: Final = 0.05


@dataclass(frozen=True, slots=True)
class ProxyControl:
    """What any process can tell the proxy. Each mood takes the place of the one before."""

    port: int
    file: Path

    @property
    def url(self) -> str:
        """The database behind the proxy."""
        return f"postgresql://super@{HOST}:{self.port}/super"

    def tell(self, mood: str) -> int:
        """Change the mood (`calm` heals); how many COMMITs were cut so far."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_PATIENCE)
            client.connect(str(self.file))
            client.sendall(f"{mood}\n".encode())
            return int(client.makefile().readline())

    def listens(self) -> bool:
        with suppress(OSError):
            self.tell("calm")
            return True
        return False


@contextmanager
def proxied(folder: Path, upstream: Path) -> Iterator[ProxyControl]:
    """A proxy in front of the Unix socket `upstream`, for the length of the block."""
    control = ProxyControl(free_port(), folder / "proxy.sock")
    plan = {"upstream": str(upstream), "port": control.port, "control": str(control.file)}
    process = subprocess.Popen(  # noqa: S603  our own interpreter and module
        module("faults.proxy", json.dumps(plan)),
        cwd=BACKEND,
        env=plain_environment(),
        start_new_session=True,
    )
    try:
        wait_until(lambda: process.poll() is not None or control.listens(), seconds=_START_SECONDS)
        yield control
    finally:
        process.kill()
        process.wait()


@dataclass(slots=True)
class Proxy:
    """Serves until it is killed."""

    upstream: str
    port: int
    weather: Weather = field(default_factory=Weather)

    _links: set[Link] = field(default_factory=set)
    _lost: set[Link] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def serve(self, control: str) -> None:
        await self._calm()
        async with await asyncio.start_unix_server(self._obey, control) as server:
            await server.serve_forever()

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mood = (await reader.readline()).decode().strip()
        await self._calm()
        await self._moods()[mood]()
        writer.write(f"{self.weather.cuts}\n".encode())
        writer.close()

    def _moods(self) -> Mapping[str, Callable[[], Any]]:
        return {
            "calm": self._calm,
            "latency": self._slow_down,
            "reset": self._reset,
            "refuse": self._refuse,
            "blackhole": self._swallow,
            "half_open": self._lose_server,
            "cut_before_commit": self._cut_before,
            "cut_after_commit": self._cut_after,
        }

    async def _calm(self) -> None:
        """Let everything pass; a connection that has lost its server ends now."""
        self.weather.delay, self.weather.cut = 0.0, None
        self.weather.calm.set()
        for link in self._lost:
            link.reset()
        self._lost.clear()
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, HOST, self.port)

    async def _slow_down(self) -> None:
        self.weather.delay = _LATENCY

    async def _reset(self) -> None:
        """Break every connection; the next ones are well."""
        for link in self._links:
            link.reset()

    async def _refuse(self) -> None:
        """Break every connection, and take no other."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _swallow(self) -> None:
        """Take what comes, pass nothing on, and say nothing."""
        self.weather.calm.clear()

    async def _lose_server(self) -> None:
        """End the server's side of every connection, of which the client hears nothing; the next ones are well."""
        self._lost = set(self._links)
        for link in self._links:
            link.lose_server()

    async def _cut_before(self) -> None:
        self.weather.cut = "before"

    async def _cut_after(self) -> None:
        self.weather.cut = "after"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.weather.calm.wait()
        try:
            server = Side(*await asyncio.open_unix_connection(self.upstream))
        except OSError:
            Side(reader, writer).abort()
            return
        link = Link(self.weather, Side(reader, writer), server)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)
            self._lost.discard(link)


def main() -> None:
    plan = json.loads(sys.argv[1])
    asyncio.run(Proxy(plan["upstream"], plan["port"]).serve(plan["control"]))


if __name__ == "__main__":
    main()
