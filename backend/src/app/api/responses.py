"""Response headers with links (`Link`, `Location`), and the 201 responses of idempotent writes."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response

from app.config import Settings
from app.pagination import Page
from app.repositories.idempotency import StoredResponse
from app.schemas.base import ResponseModel
from app.services.idempotency import Outcome


def link_header(request: Request, page: Page[Any]) -> dict[str, str]:
    """The header for `page`, the response to `request`; empty if there is no other page.

    The targets are relative to the host and include the prefix of a reverse proxy.
    """
    targets: dict[str, dict[str, object]] = {}
    if page.skip is None or "cursor" in request.query_params:
        if page.has_more:
            targets["next"] = {"cursor": page.next_cursor}
    else:
        if page.has_more:
            targets["next"] = {"skip": page.skip + page.limit}
        if page.skip:
            targets["first"] = {"skip": 0}
            targets["prev"] = {"skip": max(0, page.skip - page.limit)}
    links = [f'<{_build_url(request, changes)}>; rel="{relation}"' for relation, changes in targets.items()]
    return {"Link": ", ".join(links)} if links else {}


def public_path(request: Request, path: str) -> str:
    """`path` as clients see it: with the prefix under which a reverse proxy serves the application, if there is one.

    Routing does not know the prefix: with Starlette's `root_path`, the prefix /deals would be removed from /deals/1.
    """
    settings: Settings = request.app.state.settings
    return settings.root_path + path


def _build_url(request: Request, changes: dict[str, object]) -> str:
    parameters = [(name, value) for name, value in request.query_params.multi_items() if name not in changes]
    return f"{public_path(request, request.scope['path'])}?{urlencode([*parameters, *changes.items()])}"


def build_created_response(model: type[ResponseModel], row: Mapping[str, Any], *, location: str) -> StoredResponse:
    """The response to a write that has created the resource at `location`, a path of the service."""
    body = model.model_validate(row).model_dump_json().encode()
    return StoredResponse(status=HTTPStatus.CREATED.value, location=location, body=body)


def to_response(request: Request, outcome: Outcome) -> Response:
    """The HTTP response, whose `Location` includes the prefix under which a proxy serves the application."""
    stored = outcome.response
    headers = {"Idempotent-Replayed": "true"} if outcome.is_replayed else {}
    if stored.location:
        headers["Location"] = public_path(request, stored.location)
    return Response(stored.body, stored.status, headers=headers, media_type="application/json")
