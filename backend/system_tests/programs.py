"""Debian's programs beside the service, on the loopback. Without them the tests fail, and say so."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.config import BACKEND
from tests.support.service_process import free_port

CONFIGURATION: Final = BACKEND.parent / "deploy" / "nginx.conf"
SHORTER: Final = {
    "client_header_timeout 10s": "client_header_timeout 1s",
    "proxy_read_timeout 40s": "proxy_read_timeout 4s",
}
TEMPORARY: Final = ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
_PATIENCE_SECONDS: Final = 20


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert found, f"There is no {name}: these tests need Debian's packages nginx-light and redis-server."
    return found


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[int]:
    """The shipped configuration before the service at a port, with shorter times; the proxy's port."""
    port = free_port()
    text = CONFIGURATION.read_text()
    paths = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in TEMPORARY)
    changes = {
        **SHORTER,
        "listen 8080": f"listen 127.0.0.1:{port}",
        "server backend:8000": f"server 127.0.0.1:{upstream}",
        "pid /tmp/nginx.pid": f"pid {folder}/nginx.pid",
        "http {\n": f"http {{\n{paths}",
    }
    for shipped, here in changes.items():
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    (folder / "nginx.conf").write_text(text)
    command = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with running([*command, "-g", "daemon off; master_process off;"], port):
        yield port


@contextmanager
def redis(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis of the test's own, on the loopback."""
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": folder, "loglevel": "warning"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    with running([program("redis-server"), *arguments], port) as process:
        yield process


@contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A program until the end of the block, once it listens."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not listens(port):
                assert process.poll() is None, f"{command[0]} has ended"
                assert time.monotonic() < deadline, f"{command[0]} does not listen"
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
