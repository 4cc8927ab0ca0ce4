"""The errors that clients can receive, as one tree. Each class has a status, a code and a default message.

AppError                         500  internal_error
├── NotFoundError                404  not_found
│   ├── DealNotFoundError             deal_not_found
│   └── HotelNotFoundError            hotel_not_found
├── ConflictError                409  conflict
│   ├── VersionConflictError          version_conflict
│   ├── ExternalIdTakenError          external_id_taken
│   ├── HotelExistsError              hotel_exists
│   ├── HotelHasDealsError            hotel_has_deals
│   └── IdempotencyInProgressError    idempotency_in_progress
├── InvalidError                 422  validation_error
│   ├── UnknownParameterError         unknown_parameter
│   ├── InvalidCursorError            invalid_cursor
│   ├── StayDatesError                validation_error
│   └── IdempotencyKeyReusedError     idempotency_key_reused
├── BadRequestError              400  bad_request
├── MalformedJsonError           400  malformed_json
├── UnauthorizedError            401  unauthorized
├── ForbiddenError               403  forbidden
├── MethodNotAllowedError        405  method_not_allowed
├── NotAcceptableError           406  not_acceptable
├── RequestTimeoutError          408  request_timeout
├── PreconditionFailedError      412  precondition_failed
├── PayloadTooLargeError         413  payload_too_large
├── UnsupportedMediaTypeError    415  unsupported_media_type
├── RateLimitedError             429  rate_limited
├── HeadersTooLargeError         431  headers_too_large
└── ServiceUnavailableError      503  service_unavailable
    └── OutcomeUnknownError           service_unavailable

Messages are public: they contain no SQL, no driver text, and nothing from the input except field names and ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One problem with one field of the request."""

    field: str
    message: str


class AppError(Exception):
    """Base of all errors that become a response. Raise it where the problem is detected; it is rendered once."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    default_message: ClassVar[str] = "Internal server error."
    default_headers: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Sequence[ErrorDetail] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.details = tuple(details)
        self.headers = {**self.default_headers, **(headers or {})}
        super().__init__(self.message)


class NotFoundError(AppError):
    status = 404
    code = "not_found"
    default_message = "Not found."


class DealNotFoundError(NotFoundError):
    code = "deal_not_found"
    default_message = "There is no such deal."

    def __init__(self, deal_id: int | None = None) -> None:
        super().__init__(None if deal_id is None else f"There is no deal {deal_id}.")


class HotelNotFoundError(NotFoundError):
    code = "hotel_not_found"
    default_message = "There is no such hotel."

    def __init__(self, hotel_id: int | None = None) -> None:
        super().__init__(None if hotel_id is None else f"There is no hotel {hotel_id}.")


class ConflictError(AppError):
    status = 409
    code = "conflict"
    default_message = "The request conflicts with the current state of the resource."


class VersionConflictError(ConflictError):
    """The deal does not have the version that the client named, or it changed during the update."""

    code = "version_conflict"
    default_message = "The deal was changed by another request. Read it again before you retry."

    def __init__(self, current: int | None = None) -> None:
        known = () if current is None else (ErrorDetail("version", f"current version is {current}"),)
        super().__init__(details=known)


class ExternalIdTakenError(ConflictError):
    code = "external_id_taken"
    default_message = "Another deal already has this external_id."


class HotelExistsError(ConflictError):
    code = "hotel_exists"
    default_message = "Another hotel already has this phone, or this name in this city and country."


class HotelHasDealsError(ConflictError):
    code = "hotel_has_deals"
    default_message = "The hotel still has deals. Delete them first."


class IdempotencyInProgressError(ConflictError):
    code = "idempotency_in_progress"
    default_message = "A request with this Idempotency-Key is still in progress. Retry shortly."
    default_headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class InvalidError(AppError):
    status = 422
    code = "validation_error"
    default_message = "The request is not valid."


class InvalidCursorError(InvalidError):
    """The cursor was not issued by this service, or for other filters or another sort."""

    code = "invalid_cursor"
    default_message = "The cursor is not valid. Use next_cursor of a page with the same filters and sort."


class StayDatesError(InvalidError):
    def __init__(self) -> None:
        super().__init__(details=[ErrorDetail("checkout_date", "must be after checkin_date")])


class IdempotencyKeyReusedError(InvalidError):
    code = "idempotency_key_reused"
    default_message = "This Idempotency-Key was already used with another request body. Use a new key."


class UnknownParameterError(InvalidError):
    code = "unknown_parameter"
    default_message = "Unknown query parameter."


class BadRequestError(AppError):
    status = 400
    code = "bad_request"
    default_message = "The request is not valid HTTP/1.1."


class MalformedJsonError(AppError):
    status = 400
    code = "malformed_json"
    default_message = "The request body is not valid JSON in UTF-8."


class UnauthorizedError(AppError):
    status = 401
    code = "unauthorized"
    default_message = "A valid API key is required in the X-API-Key header."
    default_headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "ApiKey"}


class ForbiddenError(AppError):
    status = 403
    code = "forbidden"
    default_message = "The API key does not have the required scope."


class MethodNotAllowedError(AppError):
    status = 405
    code = "method_not_allowed"
    default_message = "Method not allowed."


class NotAcceptableError(AppError):
    status = 406
    code = "not_acceptable"
    default_message = "Responses are application/json only, which the Accept header excludes."


class RequestTimeoutError(AppError):
    status = 408
    code = "request_timeout"
    default_message = "The request body took too long to arrive."


class PreconditionFailedError(AppError):
    status = 412
    code = "precondition_failed"
    default_message = "If-Match does not list the current ETag. Read the resource again before you retry."


class PayloadTooLargeError(AppError):
    status = 413
    code = "payload_too_large"
    default_message = "The request body is too large."


class UnsupportedMediaTypeError(AppError):
    status = 415
    code = "unsupported_media_type"
    default_message = "The request body must be JSON in UTF-8 (application/json) without a content encoding."


class RateLimitedError(AppError):
    status = 429
    code = "rate_limited"
    default_message = "Too many requests. Retry later."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class HeadersTooLargeError(AppError):
    status = 431
    code = "headers_too_large"
    default_message = "The request headers are too large."


class ServiceUnavailableError(AppError):
    status = 503
    code = "service_unavailable"
    default_message = "The service is temporarily unavailable. Retry shortly."
    default_headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class OutcomeUnknownError(ServiceUnavailableError):
    """The connection was lost during a commit, so the write may or may not have been applied."""

    default_message = (
        "The write may or may not have been applied. Check before you retry, or retry with the same Idempotency-Key."
    )

    def __init__(self) -> None:
        super().__init__(details=[ErrorDetail("outcome", "outcome_unknown")])
