"""What can go wrong, as one tree. Each class knows its status, its code and its sentence.

AppError
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
├── UnsupportedMediaTypeError    415  unsupported_media_type
├── PayloadTooLargeError         413  payload_too_large
├── MethodNotAllowedError        405  method_not_allowed
├── RequestTimeoutError          408  request_timeout
├── RateLimitedError             429  rate_limited
├── HeadersTooLargeError         431  headers_too_large
└── ServiceUnavailableError      503  service_unavailable
    └── OutcomeUnknownError           service_unavailable

Messages are for clients: they hold no SQL, no driver text, and of the input only names of fields and plain ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One thing that is wrong with one field of the request."""

    field: str
    message: str


class AppError(Exception):
    """An answer other than success, raised where the fact is known and rendered once."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    sentence: ClassVar[str] = "Something went wrong on our side."

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Sequence[ErrorDetail] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.sentence
        self.details = tuple(details)
        self.headers = dict(headers or {})
        super().__init__(self.message)


class NotFoundError(AppError):
    status = 404
    code = "not_found"
    sentence = "There is nothing at this address."


class DealNotFoundError(NotFoundError):
    code = "deal_not_found"
    sentence = "There is no such deal."

    def __init__(self, deal_id: int | None = None) -> None:
        super().__init__(None if deal_id is None else f"There is no deal {deal_id}.")


class HotelNotFoundError(NotFoundError):
    code = "hotel_not_found"
    sentence = "There is no such hotel."

    def __init__(self, hotel_id: int | None = None) -> None:
        super().__init__(None if hotel_id is None else f"There is no hotel {hotel_id}.")


class ConflictError(AppError):
    status = 409
    code = "conflict"
    sentence = "The request does not fit what is there by now."


class VersionConflictError(ConflictError):
    code = "version_conflict"
    sentence = "The deal has been changed meanwhile; read it again."

    def __init__(self, current: int | None = None) -> None:
        known = () if current is None else (ErrorDetail("version", f"is {current} now"),)
        super().__init__(details=known)


class ExternalIdTakenError(ConflictError):
    code = "external_id_taken"
    sentence = "Another deal already has this external_id."


class HotelExistsError(ConflictError):
    code = "hotel_exists"
    sentence = "Another hotel already has this phone, or this name in this city and country."


class HotelHasDealsError(ConflictError):
    code = "hotel_has_deals"
    sentence = "The hotel still has deals; remove them first."


class IdempotencyInProgressError(ConflictError):
    code = "idempotency_in_progress"
    sentence = "A request with this Idempotency-Key is still being worked on; try again shortly."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class InvalidError(AppError):
    status = 422
    code = "validation_error"
    sentence = "The request is not valid."


class InvalidCursorError(InvalidError):
    code = "invalid_cursor"
    sentence = "The cursor is not one that this service has given out."


class StayDatesError(InvalidError):
    def __init__(self) -> None:
        super().__init__(details=[ErrorDetail("checkout_date", "must be after checkin_date")])


class IdempotencyKeyReusedError(InvalidError):
    code = "idempotency_key_reused"
    sentence = "This Idempotency-Key came with another body before; choose a new one."


class UnknownParameterError(InvalidError):
    code = "unknown_parameter"
    sentence = "The address has a parameter that is not known here."


class BadRequestError(AppError):
    status = 400
    code = "bad_request"
    sentence = "The request is not valid HTTP/1.1."


class MalformedJsonError(AppError):
    status = 400
    code = "malformed_json"
    sentence = "The body is not valid JSON in UTF-8."


class UnauthorizedError(AppError):
    status = 401
    code = "unauthorized"
    sentence = "This needs a valid key in the header X-API-Key."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "ApiKey"})


class ForbiddenError(AppError):
    status = 403
    code = "forbidden"
    sentence = "The key does not allow this."


class UnsupportedMediaTypeError(AppError):
    status = 415
    code = "unsupported_media_type"
    sentence = "The body must be sent as application/json."


class PayloadTooLargeError(AppError):
    status = 413
    code = "payload_too_large"
    sentence = "The body is too large."


class MethodNotAllowedError(AppError):
    status = 405
    code = "method_not_allowed"
    sentence = "This address does not support the method."


class RequestTimeoutError(AppError):
    status = 408
    code = "request_timeout"
    sentence = "The body took too long to arrive."


class RateLimitedError(AppError):
    status = 429
    code = "rate_limited"
    sentence = "Too many requests; try again later."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class HeadersTooLargeError(AppError):
    status = 431
    code = "headers_too_large"
    sentence = "The request's header is too large."


class ServiceUnavailableError(AppError):
    status = 503
    code = "service_unavailable"
    sentence = "The service cannot answer right now; try again shortly."

    def __init__(self, *, details: Sequence[ErrorDetail] = ()) -> None:
        super().__init__(details=details, headers={"Retry-After": "1"})


class OutcomeUnknownError(ServiceUnavailableError):
    """The connection was lost while a write was being committed: it may or may not have happened."""

    sentence = "The write may or may not have happened: look, or send it again if it had an Idempotency-Key."

    def __init__(self) -> None:
        super().__init__(details=[ErrorDetail("outcome", "outcome_unknown")])
