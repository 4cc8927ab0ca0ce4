"""Categories, health, and the body of error responses."""

from typing import Literal

from app.schemas.base import ResponseModel, example


class CategoryOut(ResponseModel):
    model_config = example(name="luxury", deal_count=16049)

    name: str
    deal_count: int


class Health(ResponseModel):
    status: Literal["ok"] = "ok"


class Readiness(Health):
    """State of each dependency."""

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
    """An error: a machine-readable code, a message, and the id under which the request is logged."""

    error: ErrorBody
