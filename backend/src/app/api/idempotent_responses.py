"""201 responses to idempotent writes, which are stored as bytes and sent again unchanged."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response

from app.api.links import public_path
from app.repositories.idempotency import StoredResponse
from app.schemas.base import ResponseModel
from app.services.idempotency import Outcome


def created(model: type[ResponseModel], row: Mapping[str, Any], *, location: str) -> StoredResponse:
    """The response to a write that has created the resource at `location`, a path of the service."""
    body = model.model_validate(row).model_dump_json().encode()
    return StoredResponse(status=HTTPStatus.CREATED, location=location, body=body)


def to_response(request: Request, outcome: Outcome) -> Response:
    """The HTTP response, whose `Location` includes the prefix under which a proxy serves the application."""
    stored = outcome.response
    headers = {"Idempotent-Replayed": "true"} if outcome.is_replayed else {}
    if stored.location:
        headers["Location"] = public_path(request, stored.location)
    return Response(stored.body, stored.status, headers=headers, media_type="application/json")
