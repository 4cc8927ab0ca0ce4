"""Standard output of the service, written by a thread, so that a slow reader delays no request."""

import fcntl
import os
import select
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Event, RLock, Thread, current_thread
from typing import Final

_DEFAULT_CAPACITY: Final = 4 * 1024 * 1024
_COLLECTING_SECONDS: Final = 0.05
"""Lines that arrive within this time are written together: waking the thread costs more than the line."""
_RETRY_SECONDS: Final = 1.0
_REPORT_INTERVAL_SECONDS: Final = 1.0


class LogOutput:
    """Lines for a file descriptor that other processes may share. No method except `drain` waits.

    Up to `capacity` characters wait to be written. Lines beyond that are dropped; `on_dropped` is called with their
    number, in the writing thread, once lines can be written again. After an error (a closed pipe, a full disk) writing
    is retried once a second. Lines are never interleaved with those of other processes that use this class.

    The thread starts with the first line. A process that is forked starts with an empty buffer and its own thread.
    """

    def __init__(self, fd: int, *, on_dropped: Callable[[int], None], capacity: int = _DEFAULT_CAPACITY) -> None:
        self._fd = fd
        self._on_dropped = on_dropped
        self._capacity = capacity
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        # Both are reentrant: a finalizer may log while its thread is in `write`.
        self._wake_up: SimpleQueue[None] = SimpleQueue()
        self._lines: list[str | Event] = []
        self._lock = RLock()
        self._waiting = 0
        self._dropped = 0
        self._reported_at = 0.0
        self._thread: Thread | None = None

    def write(self, line: str) -> None:
        """Write `line`, which ends with a newline, or drop it."""
        with self._lock:
            if self._waiting + len(line) > self._capacity and current_thread() is not self._thread:
                self._dropped += 1
                return
            self._waiting += len(line)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="log-output", daemon=True)
                self._thread.start()
            self._append(line)

    def flush(self) -> None:
        """Do nothing: a stream has this method, and handlers call it for each line."""

    def msg(self, line: str) -> None:
        """Write a line without its newline. structlog calls the method named like the level."""
        self.write(line + "\n")

    debug = info = warning = error = critical = msg

    def drain(self, *, timeout: float) -> None:
        """Wait until the lines so far have been written, at most `timeout` seconds."""
        if self._thread is not None:
            reached = Event()
            with self._lock:
                self._append(reached)
            reached.wait(timeout)

    def _append(self, line: str | Event) -> None:
        self._lines.append(line)
        if len(self._lines) == 1:
            self._wake_up.put(None)

    def _run(self) -> None:
        while True:
            batch = self._take()
            lines = [line for line in batch if isinstance(line, str)]
            with _exclusive(self._fd):
                for chunk in _join(lines):
                    self._write_fully(chunk)
            with self._lock:
                self._waiting -= sum(map(len, lines))
            self._report_dropped()
            for reached in batch:
                if isinstance(reached, Event):
                    reached.set()

    def _take(self) -> list[str | Event]:
        self._wake_up.get()
        time.sleep(_COLLECTING_SECONDS)
        with self._lock:
            batch, self._lines = self._lines, []
        return batch

    def _write_fully(self, data: bytes) -> None:
        remaining = memoryview(data)
        while remaining:
            try:
                remaining = remaining[os.write(self._fd, remaining) :]
            except BlockingIOError:  # another process has made the descriptor non-blocking
                select.select([], [self._fd], [], _RETRY_SECONDS)
            except OSError:
                time.sleep(_RETRY_SECONDS)

    def _report_dropped(self) -> None:
        """Report while lines are still being dropped too, but not after every batch."""
        now = time.monotonic()
        if self._dropped and (not self._lines or now > self._reported_at + _REPORT_INTERVAL_SECONDS):
            with self._lock:
                dropped, self._dropped = self._dropped, 0
            self._reported_at = now
            self._on_dropped(dropped)


@contextmanager
def _exclusive(fd: int) -> Iterator[None]:
    """Exclude other processes that use this class on the same file, pipe or socket. Ends with the process."""
    with suppress(OSError):
        fcntl.lockf(fd, fcntl.LOCK_EX)
    yield
    with suppress(OSError):
        fcntl.lockf(fd, fcntl.LOCK_UN)


def _join(lines: Iterable[str]) -> Iterator[bytes]:
    """Whole lines in chunks that a pipe takes entirely or not at all, even if the process is killed in between."""
    chunk = b""
    for line in lines:
        data = line.encode("utf-8", "backslashreplace")
        if chunk and len(chunk) + len(data) > select.PIPE_BUF:
            yield chunk
            chunk = b""
        chunk += data
    if chunk:
        yield chunk
