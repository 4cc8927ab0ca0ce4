"""The route class of all endpoints: rejects everything in a request that FastAPI would ignore or coerce."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.api.media_types import require_acceptable_json, require_json_body
from app.api.openapi import query_parameters
from app.api.query_params import QueryModel, require_known_names
from app.auth.dependencies import ApiKeyAuth

T = TypeVar("T")


class StrictJsonRequest(Request):
    """A request with unambiguous JSON: UTF-8, finite exact numbers, no duplicate names."""

    async def json(self) -> Any:  # noqa: ANN401  JSON is any value
        """The body, with fractions as Decimal. Raises ValueError or RecursionError for anything but strict JSON."""
        text = (await self.body()).decode("utf-8")
        return json.loads(text, parse_float=Decimal, parse_constant=_reject_constant, object_pairs_hook=_unique_names)


class StrictRoute(APIRoute):
    """Rejects unknown, repeated and undecodable query parameters, bodies that are not strict JSON, and clients that do
    not accept JSON.

    Authentication comes first: without a valid key nothing else is validated and no body is read. The work of a request
    has one timeout, which excludes the time in which its body arrives; `request.state.deadline` is its end, for the
    commit that follows the endpoint.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401  FastAPI's
        super().__init__(path, endpoint, **options)
        for dependency in self.dependant.dependencies:
            if isinstance(dependency.call, QueryModel):
                self.openapi_extra = {"parameters": query_parameters(dependency.call.model)}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        calls = [dependency.call for dependency in self.dependant.dependencies]
        has_query_model = any(isinstance(call, QueryModel) for call in calls)
        auth = next((call for call in calls if isinstance(call, ApiKeyAuth)), None)

        async def handle_strictly(request: Request) -> Response:
            budget = TimeBudget(request.app.state.settings.request_timeout)
            if auth is not None:
                await budget.spend(auth.authenticate(request))
            if self.status_code != HTTPStatus.NO_CONTENT:
                require_acceptable_json(request)
            if (query := request.scope["query_string"]) and not has_query_model:
                require_known_names(query, self.dependant)
            if self.body_field is not None:
                request = StrictJsonRequest(request.scope, request.receive)
                require_json_body(request)
                await request.body()
            request.state.deadline = budget.deadline
            return await budget.spend(handle(request))

        return handle_strictly


class TimeBudget:
    """A timeout that several awaitables share."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @property
    def deadline(self) -> float:
        """When the budget ends if it is spent from now on, in the event loop's time."""
        return asyncio.get_running_loop().time() + self._seconds

    async def spend(self, work: Awaitable[T]) -> T:
        """Raises TimeoutError if the budget ends before the work."""
        time = asyncio.get_running_loop().time
        started = time()
        async with asyncio.timeout(self._seconds):
            result = await work
        self._seconds -= time() - started
        return result


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique_names(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return members
