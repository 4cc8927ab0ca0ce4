"""The `Link` header (RFC 8288): from one page of a list to those around it."""

from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from app.pagination import Page


def link_header(request: Request, page: Page[Any]) -> dict[str, str]:
    """The header for `page`, the response to `request`; empty if there is no other page.

    The targets are relative to the host and include the prefix that a reverse proxy strips.
    """
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
    links = [f'<{_build_url(request, changes)}>; rel="{relation}"' for relation, changes in targets.items()]
    return {"Link": ", ".join(links)} if links else {}


def public_path(request: Request, path: str) -> str:
    """`path` as clients see it: with the prefix that a reverse proxy strips, if there is one."""
    root_path: str = request.scope.get("root_path", "")
    if root_path and path.startswith(f"{root_path}/"):
        return path
    return root_path + path


def _build_url(request: Request, changes: dict[str, object]) -> str:
    parameters = [(name, value) for name, value in request.query_params.multi_items() if name not in changes]
    return f"{public_path(request, request.scope['path'])}?{urlencode([*parameters, *changes.items()])}"
