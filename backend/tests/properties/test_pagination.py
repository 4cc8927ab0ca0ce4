"""Cursor pages and skip pages return the filtered and sorted table: complete, in order, without repetition."""

from collections.abc import Sequence
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from app.schemas.deals import DealSort
from tests.support.filter_sets import FilterSet, to_query
from tests.support.hypothesis_settings import examples
from tests.support.model_tables import FILTERS, ROWS, SINGLE_ROW, Row, Table
from tests.support.pagination import follow_cursors, get_ids, skip_through
from tests.support.service import Service

_SORTS: Final = [sort.value for sort in DealSort]
_LIMITS: Final = st.sampled_from([1, 3, 7, 12, 20, 100])


@examples(40)
@given(
    rows=ROWS,
    filters=FILTERS,
    sort=st.sampled_from(_SORTS),
    limit=_LIMITS,
    start=st.integers(0, 20),
)
async def test_list_deals_by_cursor_and_by_skip_returns_the_filtered_sorted_table(
    service: Service, rows: Sequence[Row], filters: FilterSet, sort: str, limit: int, start: int
) -> None:
    table = await Table.create(service, rows)
    expected = table.list_ids(filters, sort)
    query = {**to_query(filters, hotel_ids=table.hotel_ids), "sort": sort}
    cursor_pages = [page async for page in follow_cursors(service, limit=limit, **query)]
    skip_pages = [page async for page in skip_through(service, "/deals", limit=limit, **query)]
    assert get_ids(cursor_pages) == get_ids(skip_pages) == expected
    assert {page["total"] for page in (*cursor_pages, *skip_pages)} == {len(expected)}
    assert all(len(page["items"]) == limit for page in cursor_pages[:-1])
    middle = await service.get("/deals", skip=start, limit=limit, **query)
    if middle["next_cursor"]:
        remaining = [page async for page in follow_cursors(service, cursor=middle["next_cursor"], limit=limit, **query)]
        assert get_ids([middle, *remaining]) == expected[start:]


_STEPS: Final = st.lists(SINGLE_ROW | st.integers(0, 20), max_size=3)


@examples(40)
@given(
    rows=ROWS,
    filters=FILTERS,
    sort=st.sampled_from(_SORTS),
    limit=st.integers(1, 4),
    script=st.lists(_STEPS, max_size=20),
)
async def test_list_deals_by_cursor_during_writes_returns_each_retained_row_once(
    service: Service, rows: Sequence[Row], filters: FilterSet, sort: str, limit: int, script: list[list[Row | int]]
) -> None:
    """Between two pages, rows are inserted, and rows at the indexes of the script are deleted."""
    table = await Table.create(service, rows)
    before, steps = dict(table.rows), iter(script)
    query = {**to_query(filters, hotel_ids=table.hotel_ids), "sort": sort}
    returned: list[int] = []
    async for page in follow_cursors(service, limit=limit, **query):
        returned += get_ids([page])
        assert page["total"] == len(table.list_ids(filters, sort))
        for step in next(steps, []):
            await _apply(step, table)
    retained = [deal_id for deal_id in table.list_ids(filters, sort) if deal_id in before]
    assert [deal_id for deal_id in returned if deal_id in set(retained)] == retained
    assert len(returned) == len(set(returned))


async def _apply(step: Row | int, table: Table) -> None:
    if isinstance(step, Row):
        await table.insert([step])
    elif step < len(table.rows):
        await table.delete(list(table.rows)[step])
