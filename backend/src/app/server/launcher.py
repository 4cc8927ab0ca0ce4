"""Run the service under uvicorn, in a child process that never outlives the command that started it."""

import ctypes
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload

from app.config import BACKEND, Settings, load_settings
from app.database_url import format_address
from app.logging import configure_logging
from app.server.graceful_shutdown import GracefulServer
from app.server.ready_notice import ReadyNotice, remove_ready_file
from app.server.workers import GracefulMultiprocess

_GRACEFUL_TIMEOUT: Final = 10
_WORKER_HEALTHCHECK_TIMEOUT: Final = 30
"""Seconds; a worker that is still importing does not respond to the check, and is replaced when it fails."""
_POLL_INTERVAL: Final = 0.05
_MAX_PORTS_TRIED: Final = 100
_STANDARD_ERROR: Final = 2
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  not bound here

_log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger("server")


class LauncherError(Exception):
    """The service cannot be started with these options. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    host: str
    port: int
    workers: int = 1
    reload: bool = False
    reuse_port: bool = False
    """Share the port with other processes that set this too, so that the next version can start next to this one."""
    ready_file: str | None = None
    """Absolute path of a file that exists while the service is ready."""
    schema_revision: str | None = None
    """Of the database at the start, for the log."""

    @property
    def url(self) -> str:
        """The URL for clients on this machine."""
        host = _WILDCARDS.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def open_standard_streams() -> None:
    """Open /dev/null as the standard streams that are closed, whose numbers the next files or sockets would get."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        os.set_inheritable(fd, True)  # noqa: FBT003  no keyword
    os.close(fd)


def check_port_available(options: ServerOptions) -> None:
    """Raise LauncherError if the service could not listen on its address; the message proposes a free port."""
    try:
        _bind(options).close()
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        hint = ""
        if getattr(error, "errno", None) == errno.EADDRINUSE and (port := _next_free_port(options)):
            hint = f" Port {port} is free: add `--port {port}`."
        raise LauncherError(f"Cannot listen on {options.host}:{options.port}: {reason}.{hint}") from None


def check_ready_file(path: Path) -> None:
    """Raise LauncherError if the file cannot be created."""
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise LauncherError(f"Cannot create the ready file {path}.")


def launch(options: ServerOptions, *, database_url: str, on_listening: Callable[[], None] | None = None) -> int:
    """Serve until the service ends or a signal stops it. Returns the exit code for the command.

    `on_listening` is called once, when the service accepts connections. uvicorn ends its process by the signal it
    received, so it runs in a child process, and this process releases its resources (an embedded server) in order.
    """
    if options.ready_file is not None:
        Path(options.ready_file).unlink(missing_ok=True)  # of a process that was killed
    child = subprocess.Popen(  # noqa: S603  our own interpreter and module
        [sys.executable, "-m", "app.server.launcher", json.dumps(asdict(options))],
        env=os.environ | {"DATABASE_URL": database_url},
        cwd=BACKEND,
        preexec_fn=_exit_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  no threads here
        start_new_session=True,
    )
    with _forwarded_signals(child):
        if on_listening is not None and _wait_until_listening(child, options):
            on_listening()
        code = child.wait()
    if options.ready_file is not None:
        with suppress(OSError):  # the child has logged it, unless it was killed
            remove_ready_file(Path(options.ready_file), pid=child.pid)
    if code in (-signal.SIGINT, -signal.SIGTERM):
        return 0
    return code if code >= 0 else 128 - code  # as shells report a process that was killed by a signal


@contextmanager
def _forwarded_signals(child: subprocess.Popen[bytes]) -> Iterator[None]:
    def forward(number: int, _frame: object) -> None:
        child.send_signal(number)

    previous = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _wait_until_listening(child: subprocess.Popen[bytes], options: ServerOptions) -> bool:
    """Return True when the address accepts connections, False if the child has ended before."""
    address = (_WILDCARDS.get(options.host, options.host), options.port)
    while child.poll() is None:
        with suppress(OSError), socket.create_connection(address, timeout=1):
            return True
        time.sleep(_POLL_INTERVAL)
    return False


def _exit_with_parent() -> None:
    """Let Linux send SIGTERM to this process when its parent dies, even by `kill -9`."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _run(options: ServerOptions) -> None:
    open_standard_streams()
    settings = load_settings()
    configure_logging(settings)
    _log_start(options, settings)
    with suppress(KeyboardInterrupt):  # uvicorn raises it for the SIGINT that stopped it
        _run_uvicorn(_uvicorn_config(options, settings), options, drain_timeout=settings.shutdown_drain_timeout)


def _log_start(options: ServerOptions, settings: Settings) -> None:
    url = settings.database_url
    _log.info(
        "service_starting",
        version=version("hotel-deals"),
        schema_revision=options.schema_revision,
        listening=options.url,
        workers=options.workers,
        database=url and format_address(url.get_secret_value()),
        pool_size=settings.database_pool_size,
        pool_max_overflow=settings.database_pool_max_overflow,
        log_level=settings.log_level,
        write_auth=settings.write_auth_enabled,
    )


def _uvicorn_config(options: ServerOptions, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        "app.main:create_app",
        factory=True,
        host=options.host,
        port=options.port,
        workers=options.workers,
        reload=options.reload,
        reload_dirs=[str(BACKEND / "src")] if options.reload else None,
        loop="uvloop",
        http="app.server.protocol:HttpProtocol",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.server_trusted_proxies),
        forwarded_allow_ips=list(settings.server_trusted_proxies),
        timeout_graceful_shutdown=_GRACEFUL_TIMEOUT,
        timeout_worker_healthcheck=_WORKER_HEALTHCHECK_TIMEOUT,
    )


def _run_uvicorn(config: uvicorn.Config, options: ServerOptions, *, drain_timeout: float) -> None:
    if options.reload:
        ChangeReload(config, target=uvicorn.Server(config).run, sockets=[_bind(options)]).run()
        return
    notice = ReadyNotice(options.ready_file)
    if options.workers > 1:
        sockets = [_bind(options) if options.reuse_port else config.bind_socket()]
        GracefulMultiprocess(config, sockets=sockets, notice=notice).run()
    else:
        server = GracefulServer(config, drain_timeout=drain_timeout, notice=notice)
        server.run(sockets=[_bind(options)] if options.reuse_port else None)
        if not server.started:
            sys.exit(STARTUP_FAILURE)


def _next_free_port(options: ServerOptions) -> int | None:
    for port in range(options.port + 1, min(options.port + _MAX_PORTS_TRIED, 65_535) + 1):
        with suppress(OSError), _bind(replace(options, port=port)):
            return port
    return None


def _bind(options: ServerOptions) -> socket.socket:
    """A socket bound to the address, not listening yet."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options.reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((options.host, options.port))
    except BaseException:
        listener.close()
        raise
    return listener


if __name__ == "__main__":
    _run(ServerOptions(**json.loads(sys.argv[1])))
