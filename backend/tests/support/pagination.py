"""Fetch all pages of a list, by cursor or by skip."""

from collections.abc import AsyncIterator, Iterable
from itertools import count
from typing import Any

from tests.support.service import Service

Page = dict[str, Any]


async def follow_cursors(service: Service, *, cursor: str | None = None, **query: Any) -> AsyncIterator[Page]:
    """Yield the pages from the first, or the one after `cursor`, to the last. A repeated cursor fails the test."""
    page = await service.get("/deals", **query, **({"cursor": cursor} if cursor else {}))
    yield page
    seen = {cursor}
    while page["next_cursor"]:
        assert page["next_cursor"] not in seen
        seen.add(page["next_cursor"])
        page = await service.get("/deals", **query, cursor=page["next_cursor"])
        yield page


async def skip_through(service: Service, path: str, *, limit: int, **query: Any) -> AsyncIterator[Page]:
    """Yield the pages from the first to the one that is not full."""
    for skip in count(step=limit):
        page = await service.get(path, skip=skip, limit=limit, **query)
        yield page
        if len(page["items"]) < limit:
            return


def get_ids(pages: Iterable[Page]) -> list[int]:
    return [item["id"] for page in pages for item in page["items"]]
