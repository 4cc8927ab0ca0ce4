"""Entity tags: `ETag` as the hash of a response body, and its comparison with If-Match and If-None-Match (RFC 9110)."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import Request

from app.errors import PreconditionFailedError
from app.schemas.base import ResponseModel

_TAG: Final = re.compile(r'(?:^|,)[ \t]*(W/)?("[^"]*")[ \t]*(?=,|$)')

Precondition = Callable[[Mapping[str, Any]], None]


def compute_tag(body: bytes) -> str:
    """The strong tag of a response body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_listed(tag: str, header: str, *, strongly: bool) -> bool:
    """Whether a header with `*` or a list of tags matches `tag`. Compared strongly, listed tags with `W/` do not."""
    if header.strip(" \t") == "*":
        return True
    return any(opaque == tag and not (strongly and weak) for weak, opaque in _TAG.findall(header))


class IfMatch:
    """A dependency: the check that `If-Match` lists the tag of a row's representation, None without the header.

    Like If-None-Match, the header is no parameter in the OpenAPI document: nothing could be generated that matches.
    """

    def __init__(self, model: type[ResponseModel]) -> None:
        self._model = model

    async def __call__(self, request: Request) -> Precondition | None:
        values = request.headers.getlist("if-match")
        if not values:
            return None

        def require_current(row: Mapping[str, Any]) -> None:
            body = self._model.model_validate(row).model_dump_json().encode()
            if not is_listed(compute_tag(body), ",".join(values), strongly=True):
                raise PreconditionFailedError

        return require_current
