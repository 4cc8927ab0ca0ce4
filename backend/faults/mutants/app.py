"""All mutants in one process, so that the tests start only one: `/stale_reads/deals/1` is `/deals/1` of a mutant.

A path without the name of a mutant goes to the unmodified service.
"""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.main import create_app as create_service
from faults.mutants.endpoints import acknowledge_then_roll_back, check_version_in_python, commit_after_response
from faults.mutants.wrappers import (
    BlindRetry,
    CheckThenInsert,
    DatabaseErrorAs500,
    LeakedConnection,
    LeakedDescriptors,
    ModifiedReplay,
    StaleReads,
)

RELEASE_PATH: Final = "release"
"""A request to this path releases the leaked resources."""


class MutantRouter:
    def __init__(self, service: ASGIApp) -> None:
        self._service = service
        self._leaks = {
            "leaked_descriptors": LeakedDescriptors(service),
            "leaked_read_connection": LeakedConnection(service, lambda database: database.read_pool.connection()),
            "leaked_write_connection": LeakedConnection(service, lambda database: database.engine.connect()),
        }
        self._mutants: Mapping[str, ASGIApp] = {
            **self._leaks,
            "acknowledge_then_roll_back": acknowledge_then_roll_back(service),
            "blind_retry": BlindRetry(service),
            "check_then_insert": CheckThenInsert(service),
            "check_version_in_python": check_version_in_python(service),
            "commit_after_response": commit_after_response(service),
            "database_error_as_500": DatabaseErrorAs500(service),
            "modified_replay": ModifiedReplay(service),
            "stale_reads": StaleReads(service),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, name, *rest = scope.get("path", "/").split("/", 2)
        if name == RELEASE_PATH:
            for leak in self._leaks.values():
                await leak.release()
        mutant = self._mutants.get(name)
        if mutant is None:
            await self._service(scope, receive, send)
        else:
            path = f"/{''.join(rest)}"
            await mutant({**scope, "path": path, "raw_path": path.encode()}, receive, send)


def create_app() -> ASGIApp:
    return MutantRouter(create_service())
