"""Categories as clients see them."""

from typing import Literal

from app.schemas.base import ResponseModel


class CategoryOut(ResponseModel):
    name: str
    deal_count: int


class Health(ResponseModel):
    status: Literal["ok"] = "ok"


class Readiness(Health):
    """Each dependency with its state."""

    database: Literal["ok"] = "ok"
    migrations: Literal["ok"] = "ok"


class ErrorDetailOut(ResponseModel):
    field: str
    message: str


class ErrorBody(ResponseModel):
    code: str
    message: str
    details: list[ErrorDetailOut] | None = None
    request_id: str


class ErrorResponse(ResponseModel):
    """What went wrong: a code for programs, a sentence for people, and the id of the request in the logs."""

    error: ErrorBody
