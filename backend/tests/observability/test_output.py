"""The output of the log: no waiting, no interleaving, and a count of the lines that are dropped."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.observability.output import LogOutput

_TIMEOUT: Final = 60
_WRITE_FROM_PROCESS: Final = """
import sys
from app.observability.output import LogOutput

output = LogOutput(1, on_dropped=lambda lines: None)
for number in range(200):
    output.write(f"{sys.argv[1]}{number:03}" + sys.argv[1] * (number * 97 % 9000) + "\\n")
output.drain(timeout=60)
"""
_WRITE_FROM_FORKED_PROCESS: Final = """
import os
from app.observability.output import LogOutput

output = LogOutput(1, on_dropped=lambda lines: None)
output.write("parent before\\n")
output.drain(timeout=60)
if os.fork() == 0:
    output.write("child\\n")
    output.drain(timeout=60)
    os._exit(0)
os.wait()
output.write("parent after\\n")
output.drain(timeout=60)
"""
_WRITE_FROM_FINALIZER: Final = """
import gc
from app.observability.output import LogOutput

output = LogOutput(1, on_dropped=lambda lines: None)

class Logged:
    def __init__(self):
        self.cycle = self

    def __del__(self):
        output.write("finalized\\n")

gc.set_threshold(1)
for _ in range(500):
    Logged()
    output.write("line\\n")
gc.collect()
output.drain(timeout=60)
"""
_WRITE_TO_UNWRITABLE: Final = """
import os
from app.observability.output import LogOutput

def report(lines):
    output.write(f"dropped {{lines}}\\n")

reader, writer = os.pipe()
os.close(reader)
fd = {}
output = LogOutput(fd, on_dropped=report, capacity=100)
for _ in range(1000):
    output.write("line\\n")
output.drain(timeout=0.01)
os.dup2(1, fd)
output.drain(timeout=60)
output.write("end\\n")
output.drain(timeout=60)
"""
_UNWRITABLE: Final = {
    "closed pipe": "writer",
    "full disk": "os.open('/dev/full', os.O_WRONLY)",
    "read-only": "os.open(os.devnull, os.O_RDONLY)",
}


def ignore(lines: int) -> None:
    """For tests in which no line is dropped, or that do not read the report."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe with the smallest buffer."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    yield reader, writer
    os.close(writer)
    os.close(reader)


def read_lines(reader: int, *, until: str) -> list[str]:
    lines = []
    with os.fdopen(os.dup(reader)) as file:
        for line in file:
            lines.append(line.removesuffix("\n"))
            if lines[-1].startswith(until):
                break
    return lines


@pytest.mark.parametrize("length", [8, 300, 5000])
def test_stalled_reader_drops_lines_and_their_number_is_reported(pipe: tuple[int, int], length: int) -> None:
    reader, writer = pipe
    output = LogOutput(writer, on_dropped=lambda lines: output.write(f"dropped {lines}\n"), capacity=50_000)
    lines = [f"{number:06}".ljust(length, "x") for number in range(10_000)]
    for line in lines:
        output.write(line + "\n")
    output.drain(timeout=0.01)
    *received, report = read_lines(reader, until="dropped")
    assert received == lines[: len(received)], "the first lines, each of them complete"
    assert 0 < len(received) < len(lines)
    assert report == f"dropped {len(lines) - len(received)}"
    output.write("end\n")
    assert read_lines(reader, until="end") == ["end"]


def test_no_line_is_lost_while_the_reader_reads(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    dropped: list[int] = []
    output = LogOutput(writer, on_dropped=dropped.append)

    def write() -> None:
        for number in range(1000):
            output.write(f"{number}\n")

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    output.write("end\n")
    received = read_lines(reader, until="end")
    output.drain(timeout=_TIMEOUT)
    assert (sorted(received[:-1], key=int), dropped) == (sorted(map(str, [*range(1000)] * 3), key=int), [])


def test_lines_of_several_processes_are_not_interleaved() -> None:
    """Longer ones than a pipe takes at once too."""
    reader, writer = os.pipe()
    processes = [
        subprocess.Popen([sys.executable, "-c", _WRITE_FROM_PROCESS, name], stdout=writer) for name in ("a", "b", "c")
    ]
    os.close(writer)
    with os.fdopen(reader) as file:
        lines = file.read().splitlines()
    assert [process.wait() for process in processes] == [0, 0, 0]
    expected = [f"{name}{number:03}" + name * (number * 97 % 9000) for name in "abc" for number in range(200)]
    assert sorted(lines) == sorted(expected)


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        (_WRITE_FROM_FORKED_PROCESS, ["child", "parent after", "parent before"]),
        (_WRITE_FROM_FINALIZER, ["finalized"] * 500 + ["line"] * 500),
    ],
)
def test_forked_processes_and_finalizers_write(code: str, lines: list[str]) -> None:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=_TIMEOUT)
    assert sorted(result.stdout.splitlines()) == lines


@pytest.mark.parametrize("open_descriptor", _UNWRITABLE.values(), ids=_UNWRITABLE)
def test_unwritable_descriptor_blocks_nothing_and_dropped_lines_are_counted(open_descriptor: str) -> None:
    code = _WRITE_TO_UNWRITABLE.format(open_descriptor)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=_TIMEOUT)
    assert result.stdout.splitlines() == ["line"] * 20 + ["dropped 980", "end"]


def test_non_blocking_descriptor_gets_all_lines(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    output = LogOutput(writer, on_dropped=ignore)
    lines = [f"{number:0100}" for number in range(500)]
    for line in lines:
        output.write(line + "\n")
    assert read_lines(reader, until=lines[-1]) == lines


def test_file_gets_all_lines(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        output = LogOutput(file.fileno(), on_dropped=ignore)
        for number in range(1000):
            output.write(f"{number}\n")
        output.drain(timeout=_TIMEOUT)
    assert (tmp_path / "log").read_text().split() == list(map(str, range(1000)))
