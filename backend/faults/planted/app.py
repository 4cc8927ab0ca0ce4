"""The service with a bug, which the first part of the path chooses: `/stale_reads/deals/1` is `/deals/1` with that bug.

Without any it is the service itself. All of them are one process, so that a test of each takes little time.
"""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.main import create_app as create_service
from faults.planted.endpoints import acknowledged_but_rolled_back, committed_after_the_answer, version_checked_in_python
from faults.planted.leaks import ConnectionKept, DescriptorsLeft
from faults.planted.wrappers import (
    BlindRetry,
    CheckThenInsert,
    CrashForDatabaseError,
    OtherReplay,
    StaleReads,
)

RELEASE: Final = "release"
"""The path at which the leaks are mended, so that the next test finds all well."""


class Planted:
    """Chooses."""

    def __init__(self, service: ASGIApp) -> None:
        self._service = service
        self._leaks = {"connection_kept": ConnectionKept(service), "descriptors_left": DescriptorsLeft(service)}
        self._variants: Mapping[str, ASGIApp] = {
            **self._leaks,
            "acknowledged_but_rolled_back": acknowledged_but_rolled_back(service),
            "blind_retry": BlindRetry(service),
            "check_then_insert": CheckThenInsert(service),
            "committed_after_the_answer": committed_after_the_answer(service),
            "crash_for_database_error": CrashForDatabaseError(service),
            "other_replay": OtherReplay(service),
            "stale_reads": StaleReads(service),
            "version_checked_in_python": version_checked_in_python(service),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, name, *rest = scope.get("path", "/").split("/", 2)
        if name == RELEASE:
            for leak in self._leaks.values():
                await leak.release()
        variant = self._variants.get(name)
        if variant is None:
            await self._service(scope, receive, send)
        else:
            path = f"/{''.join(rest)}"
            await variant({**scope, "path": path, "raw_path": path.encode()}, receive, send)


def create_app() -> ASGIApp:
    return Planted(create_service())
