"""Whichever way one walks a list, one sees the filtered and sorted table: all of it, in order, and nothing twice."""

from collections.abc import Sequence
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from app.schemas.deals import DealSort
from tests.support.filter_sets import FilterSet, as_query
from tests.support.hypothesis_settings import examples
from tests.support.model_tables import A_ROW, FILTERS, ROWS, Row, Table
from tests.support.pagination import along_cursors, by_skipping, ids
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
async def test_cursor_pages_and_skip_pages_are_the_filtered_and_sorted_table(
    service: Service, rows: Sequence[Row], filters: FilterSet, sort: str, limit: int, start: int
) -> None:
    table = await Table.of(service, rows)
    listed = table.listed(filters, sort)
    query = {**as_query(filters, hotel_ids=table.hotel_ids), "sort": sort}
    walked = [page async for page in along_cursors(service, limit=limit, **query)]
    skipped = [page async for page in by_skipping(service, "/deals", limit=limit, **query)]
    assert ids(walked) == ids(skipped) == listed
    assert {page["total"] for page in (*walked, *skipped)} == {len(listed)}
    assert all(len(page["items"]) == limit for page in walked[:-1])
    middle = await service.get("/deals", skip=start, limit=limit, **query)
    if middle["next_cursor"]:
        rest = [page async for page in along_cursors(service, cursor=middle["next_cursor"], limit=limit, **query)]
        assert ids([middle, *rest]) == listed[start:]


_STEPS: Final = st.lists(A_ROW | st.integers(0, 20), max_size=3)


@examples(40)
@given(
    rows=ROWS,
    filters=FILTERS,
    sort=st.sampled_from(_SORTS),
    limit=st.integers(1, 4),
    script=st.lists(_STEPS, max_size=20),
)
async def test_a_walk_finds_each_row_that_stays_once_whatever_comes_and_goes(
    service: Service, rows: Sequence[Row], filters: FilterSet, sort: str, limit: int, script: list[list[Row | int]]
) -> None:
    """Between two pages a few rows are inserted, and a few are deleted: those at the place a step names."""
    table = await Table.of(service, rows)
    before, steps = dict(table.rows), iter(script)
    query = {**as_query(filters, hotel_ids=table.hotel_ids), "sort": sort}
    walked: list[int] = []
    async for page in along_cursors(service, limit=limit, **query):
        walked += ids([page])
        assert page["total"] == len(table.listed(filters, sort))
        for step in next(steps, []):
            await _take(step, table)
    stayed = [deal_id for deal_id in table.listed(filters, sort) if deal_id in before]
    assert [deal_id for deal_id in walked if deal_id in set(stayed)] == stayed
    assert len(walked) == len(set(walked))


async def _take(step: Row | int, table: Table) -> None:
    if isinstance(step, Row):
        await table.insert([step])
    elif step < len(table.rows):
        await table.delete(list(table.rows)[step])
