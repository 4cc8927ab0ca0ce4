"""The `Link` header (RFC 8288): from one page of a list to those around it, as references relative to the host."""

from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from app.pagination import Page


def link_header(request: Request, page: Page[Any]) -> dict[str, str]:
    """The header for `page`, which `request` asked for; none if there is no other page."""
    targets: dict[str, dict[str, object]] = {}
    if page.skip is None:
        if page.has_more:
            targets["next"] = {"cursor": page.next_cursor}
    else:
        if page.has_more:
            targets["next"] = {"skip": page.skip + page.limit}
        if page.skip:
            targets["first"] = {"skip": 0}
            targets["prev"] = {"skip": max(0, page.skip - page.limit)}
    links = [f'<{_address(request, changes)}>; rel="{relation}"' for relation, changes in targets.items()]
    return {"Link": ", ".join(links)} if links else {}


def _address(request: Request, changes: dict[str, object]) -> str:
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in changes]
    return f"{request.scope['path']}?{urlencode([*kept, *changes.items()])}"
