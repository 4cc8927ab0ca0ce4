"""Run the service under uvicorn, as a child that never outlives the command that started it."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload

from app.config import BACKEND, load_settings
from app.logging import configure_logging
from app.server.graceful_shutdown import GracefulMultiprocess, GracefulServer


class LauncherError(Exception):
    """The service can't be served as asked. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How to serve: where, with how many processes, and whether to start anew when the code changes."""

    host: str
    port: int
    workers: int = 1
    reload: bool = False
    reuse_port: bool = False
    """Share the port with other services that say so too: the next version starts beside this one."""


def check_port_available(serving: ServerOptions) -> None:
    """Raise LauncherError if the address can't be listened on."""
    try:
        _bound(serving).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LauncherError(f"Can't listen on {serving.host}:{serving.port}: {reason.lower()}.") from None


def serve(serving: ServerOptions, *, database_url: str) -> int:
    """Serve until the service ends or a signal asks for it; the exit code to end with.

    uvicorn ends itself by the signal it got, so it runs in a process of its own and whatever this one holds (an
    embedded server, say) is released in order.
    """
    environment = os.environ | {"DATABASE_URL": database_url}
    child = subprocess.Popen(  # noqa: S603  our own interpreter and module
        [sys.executable, "-m", "app.server.launcher", json.dumps(asdict(serving))],
        env=environment,
        cwd=BACKEND,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  no threads here
        start_new_session=True,
    )
    previous = {name: signal.signal(name, _forward_to(child)) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = child.wait()
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
    return 0 if code in (-signal.SIGINT, -signal.SIGTERM) else abs(code)


def _forward_to(child: subprocess.Popen[bytes]) -> Callable[[int, object], None]:
    def forward(number: int, _frame: object) -> None:
        child.send_signal(number)

    return forward


def _end_with_parent() -> None:
    """Ask Linux to stop this process when its parent dies, even by `kill -9`."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _run(serving: ServerOptions) -> None:
    settings = load_settings()
    configure_logging(settings)
    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        host=serving.host,
        port=serving.port,
        workers=serving.workers,
        reload=serving.reload,
        reload_dirs=[str(BACKEND / "src")] if serving.reload else None,
        loop="uvloop" if sys.platform != "win32" else "auto",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.server_trusted_proxies),
        forwarded_allow_ips=list(settings.server_trusted_proxies),
        timeout_graceful_shutdown=10,
    )
    with suppress(KeyboardInterrupt):  # as which uvicorn hands on the SIGINT that stopped it
        _serve(config, serving, drain_seconds=settings.shutdown_drain_timeout)


def _serve(config: uvicorn.Config, serving: ServerOptions, *, drain_seconds: float) -> None:
    if serving.reload:
        listener = config.bind_socket()
        ChangeReload(config, target=uvicorn.Server(config).run, sockets=[listener]).run()
    elif serving.workers > 1:
        GracefulMultiprocess(config, sockets=[_bound(serving) if serving.reuse_port else config.bind_socket()]).run()
    else:
        server = GracefulServer(config, seconds=drain_seconds)
        server.run(sockets=[_bound(serving)] if serving.reuse_port else None)
        if not server.started:
            sys.exit(STARTUP_FAILURE)


def _bound(serving: ServerOptions) -> socket.socket:
    """A socket at the address, not listening yet. Others may have it too if `reuse_port` says so."""
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if serving.reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((serving.host, serving.port))
    except BaseException:
        listener.close()
        raise
    return listener


if __name__ == "__main__":
    _run(ServerOptions(**json.loads(sys.argv[1])))
