"""The ready file when it cannot be written or removed: logged, and neither the start nor the shutdown fails."""

import os
import resource
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import structlog

from app.server.ready_notice import ReadyNotice


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def replace_folder_by_file(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.touch()


def create_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def replace_by_next_process(path: Path) -> None:
    path.write_text("1\n")


def write_other_bytes(path: Path) -> None:
    path.write_bytes(b"\xff")


def do_nothing(_: Path) -> None:
    """No change: the next step succeeds."""


@contextmanager
def no_free_descriptor() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


_FAILED: Final = ["ready_file_failed"]


@pytest.mark.parametrize(
    ("before_publish", "before_withdraw", "events"),
    [
        (do_nothing, do_nothing, []),
        (do_nothing, remove_folder, []),
        (do_nothing, replace_by_next_process, []),
        (do_nothing, write_other_bytes, []),
        (do_nothing, replace_folder_by_file, _FAILED),
        (do_nothing, create_folder, _FAILED),
        (remove_folder, do_nothing, _FAILED),
        (replace_folder_by_file, do_nothing, _FAILED * 2),
        (create_folder, do_nothing, _FAILED * 2),
    ],
)
def test_failures_are_logged_and_systemd_is_notified(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before_publish: Callable[[Path], None],
    before_withdraw: Callable[[Path], None],
    events: list[str],
) -> None:
    path = tmp_path / "folder" / "ready"
    path.parent.mkdir()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, structlog.testing.capture_logs() as log:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        notice = ReadyNotice(str(path))
        before_publish(path)
        notice.publish()
        notice.publish()
        before_withdraw(path)
        notice.withdraw()
        notice.withdraw()
        assert [manager.recv(100), manager.recv(100)] == [b"READY=1", b"STOPPING=1"]
    assert [line["event"] for line in log] == events
    assert not list(tmp_path.rglob(".ready.*")), "no temporary file is left"
    assert path.exists() == (before_withdraw in {replace_by_next_process, write_other_bytes} or path.is_dir())


def test_shortage_of_file_descriptors_is_logged(tmp_path: Path) -> None:
    notice = ReadyNotice(str(tmp_path / "ready"))
    with structlog.testing.capture_logs() as log, no_free_descriptor():
        notice.publish()
        notice.withdraw()
    assert [line["event"] for line in log] == _FAILED * 2
