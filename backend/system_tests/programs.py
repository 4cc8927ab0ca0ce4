"""Run Debian's nginx and Redis on the loopback interface. If a program is not installed, the tests fail."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.config import BACKEND
from devtools.ports import free_port

_SHIPPED_CONFIGURATION: Final = BACKEND.parent / "deploy" / "nginx.conf"
_SHORT_TIMEOUTS: Final = {
    "client_header_timeout 10s": "client_header_timeout 1s",
    "proxy_read_timeout 40s": "proxy_read_timeout 4s",
}
_TEMPORARY_PATHS: Final = ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
_STARTUP_TIMEOUT_SECONDS: Final = 20


def find_program(name: str) -> str:
    path = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert path, f"{name} is not installed: these tests need Debian's packages nginx-light and redis-server."
    return path


@contextmanager
def nginx(folder: Path, first: int, second: int | None = None) -> Iterator[int]:
    """Run nginx with the shipped configuration, but shorter timeouts, in front of two local ports; yield its own port.

    Without a second port, nothing listens on the second upstream.
    """
    port = free_port()
    text = _SHIPPED_CONFIGURATION.read_text()
    paths = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in _TEMPORARY_PATHS)
    replacements = {
        **_SHORT_TIMEOUTS,
        "listen 8080": f"listen 127.0.0.1:{port}",
        "server backend:8000": f"server 127.0.0.1:{first}",
        "server backend-2:8000": f"server 127.0.0.1:{second or free_port()}",
        "pid /tmp/nginx.pid": f"pid {folder}/nginx.pid",
        "http {\n": f"http {{\n{paths}",
    }
    for old, new in replacements.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    command = [find_program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with running([*command, "-g", "daemon off; master_process off;"], port):
        yield port


@contextmanager
def redis(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Redis without persistence."""
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": folder, "loglevel": "warning"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    with running([find_program("redis-server"), *arguments], port) as process:
        yield process


@contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block; yield once it listens on the port."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + _STARTUP_TIMEOUT_SECONDS
            while not is_listening(port):
                assert process.poll() is None, f"{command[0]} has exited"
                assert time.monotonic() < deadline, f"{command[0]} does not listen on port {port}"
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
