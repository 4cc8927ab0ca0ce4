"""The route class of every endpoint: what FastAPI would ignore or repair in a request is refused."""

import json
import re
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.api.openapi import query_parameters
from app.api.query_params import QueryModel, refuse_unknown
from app.api.retry import Attempts, answer
from app.auth.dependencies import ApiKeyAuth
from app.errors import UnsupportedMediaTypeError

_JSON: Final = re.compile(r"application/([\w.+-]+\+)?json\s*(;|$)", re.ASCII | re.IGNORECASE)


class StrictJsonRequest(Request):
    """A request whose JSON has one meaning: UTF-8, finite exact numbers, no name twice."""

    async def json(self) -> Any:  # noqa: ANN401  JSON is any value
        """The body, with fractions as Decimal. Raises ValueError or RecursionError for anything but strict JSON."""
        text = (await self.body()).decode("utf-8")
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique_names)


class StrictRoute(APIRoute):
    """Refuses unknown, repeated and undecodable query parameters, and bodies that are not strict JSON.

    What it answers is committed, and comes in time or is a 503.
    Who has no key learns nothing else and has no body read.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401  FastAPI's
        super().__init__(path, endpoint, **options)
        for dependency in self.dependant.dependencies:
            if isinstance(dependency.call, QueryModel):
                self.openapi_extra = {"parameters": query_parameters(dependency.call.model)}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        reads_query = any(isinstance(dependency.call, QueryModel) for dependency in self.dependant.dependencies)
        checks = [d.call for d in self.dependant.dependencies if isinstance(d.call, ApiKeyAuth)]

        async def strictly(request: Request) -> Response:
            attempts = Attempts(seconds=request.app.state.settings.request_timeout)
            for check in checks:
                await attempts.at(partial(check, request))
            if (query := request.scope["query_string"]) and not reads_query:
                refuse_unknown(query, self.dependant)
            request = StrictJsonRequest(request.scope, request.receive)
            if self.body_field is not None:
                _check_media_type(request)
                await request.body()  # a slow client's time is not ours
            return await attempts.at(partial(answer, handle, request))

        return strictly


def _check_media_type(request: Request) -> None:
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    is_json = _JSON.match(request.headers.get("content-type", ""))
    is_encoded = request.headers.get("content-encoding", "identity").lower() != "identity"
    if has_body and (is_encoded or not is_json):
        raise UnsupportedMediaTypeError


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique_names(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return members
