"""The one renderer: every error, whoever raised it, becomes the same JSON shape."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.errors import (
    AppError,
    DealNotFoundError,
    HotelNotFoundError,
    InvalidError,
    MalformedJsonError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    Problem,
    RequestTimeoutError,
    UnknownParameterError,
)

_BY_STATUS: Final[Mapping[int, type[AppError]]] = {
    400: MalformedJsonError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    408: RequestTimeoutError,
    413: PayloadTooLargeError,
}
_BY_PATH_PARAMETER: Final[Mapping[str, type[AppError]]] = {
    "deal_id": DealNotFoundError,
    "hotel_id": HotelNotFoundError,
}
_REASONS: Final = {
    "missing": "is required",
    "extra_forbidden": "is not known",
    "date_from_datetime_parsing": "must be a day that the calendar has",
    "model_attributes_type": "must be a JSON object",
}
_OPENING: Final = re.compile(r"^(Input|Decimal input|List|String) should ")
UNKNOWN_PARAMETER: Final = "unknown_parameter"
_LONGEST_NAME: Final = 64


def render(error: AppError, request_id: str) -> Response:
    """The answer for `error`, in the shape of `schemas.errors.ErrorAnswer`."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = [{"field": problem.field, "message": problem.message} for problem in error.details]
    body["request_id"] = request_id
    content = json.dumps({"error": body}, ensure_ascii=False).encode("utf-8", errors="replace")
    return Response(content, error.status, headers=error.headers, media_type="application/json")


def from_http(error: HTTPException) -> AppError:
    """What the framework refused, as one of ours."""
    return _BY_STATUS.get(error.status_code, AppError)(headers=error.headers)


def from_validation(error: RequestValidationError) -> AppError:
    """Everything that is wrong with the request's values, at once, without echoing any of them."""
    problems: Sequence[Mapping[str, Any]] = error.errors()
    for problem in problems:
        if problem["loc"][0] == "path":
            return _BY_PATH_PARAMETER[problem["loc"][1]]()
        if problem["type"] == "json_invalid":
            return MalformedJsonError()
    details = [Problem(_field(problem["loc"]), _reason(problem)) for problem in problems]
    if all(problem["type"] == UNKNOWN_PARAMETER for problem in problems):
        return UnknownParameterError(details=details)
    return InvalidError(details=details)


def _field(location: Sequence[str | int]) -> str:
    name = ".".join(str(part) for part in location[1:]) or str(location[0])
    return "".join(character if character.isprintable() else "?" for character in name[:_LONGEST_NAME])


def _reason(problem: Mapping[str, Any]) -> str:
    message: str = _REASONS.get(problem["type"], problem["msg"])
    return _OPENING.sub("must ", message.removeprefix("Value error, "))
