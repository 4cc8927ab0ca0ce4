"""One of the service's processes, as anybody can reach it who knows its folder and its port."""

import signal
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from faults.processes import HOST, send

START_SECONDS: Final = 60.0
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Worker:
    """One process at a time, on one port; its id and what it writes are in files of `folder`."""

    folder: Path
    number: int
    port: int

    @property
    def pid(self) -> int | None:
        """The process that there is now, known to every process that knows the folder."""
        note = self.folder / f"worker-{self.number}.pid"
        return int(note.read_text()) if note.exists() else None

    @property
    def log(self) -> Path:
        """What all processes of this worker have written."""
        return self.folder / f"worker-{self.number}.log"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM: it ends what it has begun, and then itself."""
        self._signal(signal.SIGTERM)

    def answers(self, path: str = "/health") -> bool:
        """Whether it says 200; without a path, whether it is up."""
        client = HTTPConnection(HOST, self.port, timeout=START_SECONDS)
        try:
            client.request("GET", path)
            return client.getresponse().status == _OK
        except (OSError, HTTPException):
            return False
        finally:
            client.close()

    def note(self, pid: int) -> None:
        new = self.folder / f"worker-{self.number}.new"
        new.write_text(str(pid))
        new.replace(self.folder / f"worker-{self.number}.pid")

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            send(number, [self.pid])
