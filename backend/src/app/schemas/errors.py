"""The one shape of every error answer."""

from app.schemas.base import Output


class ProblemOut(Output):
    field: str
    message: str


class ErrorOut(Output):
    code: str
    message: str
    details: list[ProblemOut] | None = None
    request_id: str


class ErrorAnswer(Output):
    """What went wrong: a code for programs, a sentence for people, and the id of the request in the logs."""

    error: ErrorOut
