"""The header `If-Match` of a write."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from app.entity_tags import Precondition, compute_tag, is_listed
from app.errors import PreconditionFailedError
from app.schemas.base import ResponseModel


class IfMatch:
    """A dependency: the check that `If-Match` lists the tag of a row's representation, None without the header.

    Like If-None-Match, the header is no parameter in the OpenAPI document: nothing could be generated that matches.
    """

    def __init__(self, model: type[ResponseModel]) -> None:
        self._model = model

    async def __call__(self, request: Request) -> Precondition[Mapping[str, Any]] | None:
        values = request.headers.getlist("if-match")
        if not values:
            return None

        def require_current(row: Mapping[str, Any]) -> None:
            body = self._model.model_validate(row).model_dump_json().encode()
            if not is_listed(compute_tag(body), ",".join(values)):
                raise PreconditionFailedError

        return require_current
