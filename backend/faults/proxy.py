"""A TCP proxy for PostgreSQL's Unix socket that injects network faults: `python -m faults.proxy`, a separate process.

Works without kernel support. The modes are Toxiproxy's, as far as they matter between a service and its database, and
two that cut a connection exactly at a COMMIT. A control socket changes the mode.
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

from devtools.ports import free_port
from faults.processes import BACKEND, HOST, clean_environment, module_command, wait_until
from faults.proxy_connections import Endpoint, NetworkConditions, ProxyConnection

NORMAL: Final = "normal"

_START_TIMEOUT_SECONDS: Final = 30.0
_CONTROL_TIMEOUT_SECONDS: Final = 10.0
_LATENCY_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class ProxyControl:
    """Controls a running proxy from any process."""

    port: int
    control_socket: Path

    @property
    def database_url(self) -> str:
        """The database through the proxy."""
        return f"postgresql://super@{HOST}:{self.port}/super"

    def set_mode(self, mode: str) -> int:
        """Replace the mode; return the number of connections cut at a COMMIT so far."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_CONTROL_TIMEOUT_SECONDS)
            client.connect(str(self.control_socket))
            client.sendall(f"{mode}\n".encode())
            return int(client.makefile().readline())

    def is_running(self) -> bool:
        with suppress(OSError):
            self.set_mode(NORMAL)
            return True
        return False


@contextmanager
def run_proxy(folder: Path, upstream: Path) -> Iterator[ProxyControl]:
    """A proxy for the Unix socket `upstream`, killed at the end of the block."""
    control = ProxyControl(free_port(), folder / "proxy.sock")
    options = {"upstream": str(upstream), "port": control.port, "control_socket": str(control.control_socket)}
    process = subprocess.Popen(  # noqa: S603  this interpreter and module
        module_command("faults.proxy", json.dumps(options)),
        cwd=BACKEND,
        env=clean_environment(),
        start_new_session=True,
    )
    try:
        wait_until(lambda: process.poll() is not None or control.is_running(), seconds=_START_TIMEOUT_SECONDS)
        yield control
    finally:
        process.kill()
        process.wait()


@dataclass(slots=True)
class Proxy:
    """Serves until it is killed."""

    upstream: str
    port: int
    control_socket: str

    _conditions: NetworkConditions = field(default_factory=NetworkConditions)
    _connections: set[ProxyConnection] = field(default_factory=set)
    _half_open: set[ProxyConnection] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def serve(self) -> None:
        await self._restore()
        async with await asyncio.start_unix_server(self._handle_control, self.control_socket) as server:
            await server.serve_forever()

    async def _handle_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mode = (await reader.readline()).decode().strip()
        await self._restore()
        await self._modes()[mode]()
        writer.write(f"{self._conditions.commits_cut}\n".encode())
        writer.close()

    def _modes(self) -> Mapping[str, Callable[[], Any]]:
        return {
            NORMAL: self._restore,
            "latency": self._delay,
            "reset": self._reset,
            "down": self._close_listener,
            "blackhole": self._block,
            "half_open": self._drop_server,
            "cut_before_commit": self._cut_before_commit,
            "cut_after_commit": self._cut_after_commit,
        }

    async def _restore(self) -> None:
        """Remove all faults, and reset the half-open connections."""
        self._conditions.delay, self._conditions.cut = 0.0, None
        self._conditions.flowing.set()
        for connection in self._half_open:
            connection.reset()
        self._half_open.clear()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def _delay(self) -> None:
        self._conditions.delay = _LATENCY_SECONDS

    async def _reset(self) -> None:
        """Reset the open connections; accept new ones."""
        for connection in self._connections:
            connection.reset()

    async def _close_listener(self) -> None:
        """Reset the open connections; new ones fail with ECONNREFUSED."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _block(self) -> None:
        """Forward nothing, in either direction."""
        self._conditions.flowing.clear()

    async def _drop_server(self) -> None:
        """Abort the server's end of the open connections; their clients notice nothing. Accept new ones."""
        self._half_open = set(self._connections)
        for connection in self._connections:
            connection.drop_server()

    async def _cut_before_commit(self) -> None:
        self._conditions.cut = "before"

    async def _cut_after_commit(self) -> None:
        self._conditions.cut = "after"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._conditions.flowing.wait()
        try:
            server = Endpoint(*await asyncio.open_unix_connection(self.upstream))
        except OSError:
            Endpoint(reader, writer).abort()
            return
        connection = ProxyConnection(self._conditions, Endpoint(reader, writer), server)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            self._half_open.discard(connection)


if __name__ == "__main__":
    asyncio.run(Proxy(**json.loads(sys.argv[1])).serve())
