"""A cursor says exactly what was written into it, to its own list alone; all else is refused."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, timedelta, timezone
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidCursorError
from app.pagination import CursorCodec, KeysetPosition
from app.schemas.deals import DealSort
from tests.support.deal_bodies import DAYS, IDS, PRICES
from tests.support.hypothesis_settings import examples

_ZONES: Final = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
_SORT_KEYS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "id": IDS,
    "price_per_night": PRICES,
    "star_rating": st.integers(1, 5),
    "discount_percent": st.integers(0, 100),
    "checkin_date": DAYS,
    "created_at": st.datetimes(timezones=_ZONES),
}
_SORTS: Final = st.sampled_from([sort.value for sort in DealSort])
_SECRETS: Final = st.binary(min_size=32, max_size=32)
_CURSORS: Final = CursorCodec(b"k" * 32)
_ALPHABET: Final = [*map(chr, range(128)), "\u00e9", "\u0661", "\ud800", "\U0001f3e8"]


@st.composite
def _rows(draw: st.DrawFn) -> tuple[str, KeysetPosition]:
    sort = draw(_SORTS)
    return sort, KeysetPosition(draw(_SORT_KEYS[sort.removeprefix("-")]), draw(IDS))


def _pairs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=2, max_size=2, unique=True)


@examples(200)
@given(secret=_SECRETS, row=_rows(), filters=st.text())
def test_what_was_written_is_read(secret: bytes, row: tuple[str, KeysetPosition], filters: str) -> None:
    sort, after = row
    cursor = CursorCodec(secret).encode(after, sort=sort, filters=filters)
    read = CursorCodec(secret).decode(cursor, sort=sort, filters=filters)
    assert (read, type(read.key)) == (after, type(after.key))


@examples(200)
@given(
    secrets=_pairs(_SECRETS),
    sorts=_pairs(_SORTS),
    filters=_pairs(st.text()),
    other=st.sampled_from(["secret", "sort", "filters"]),
)
def test_a_cursor_is_read_for_its_own_list_alone(
    secrets: list[bytes], sorts: list[str], filters: list[str], other: str
) -> None:
    cursor = CursorCodec(secrets[0]).encode(KeysetPosition(1, 1), sort=sorts[0], filters=filters[0])
    reader, sort, wanted = CursorCodec(secrets[other == "secret"]), sorts[other == "sort"], filters[other == "filters"]
    with pytest.raises(InvalidCursorError):
        reader.decode(cursor, sort=sort, filters=wanted)


def _edited(text: str) -> Iterator[str]:
    """Every text that is one replaced, added or missing character away."""
    for place in range(len(text) + 1):
        before, after = text[:place], text[place:]
        yield from (before + character + after for character in _ALPHABET)
        if after:
            yield before + after[1:]
            yield from (before + character + after[1:] for character in _ALPHABET if character != after[0])


@pytest.mark.parametrize("row_id", [1, 12, 123])
def test_every_changed_character_of_a_cursor_is_noticed(row_id: int) -> None:
    """Rows of three lengths: cursors of each length that base64 pads differently."""
    cursor = _CURSORS.encode(KeysetPosition(row_id, row_id), sort="id", filters="{}")
    for edited in _edited(cursor):
        with pytest.raises(InvalidCursorError):
            _CURSORS.decode(edited, sort="id", filters="{}")


_ANY_TEXT: Final = st.text(st.characters(exclude_categories=[]))
_MADE_UP: Final = st.binary().map(lambda content: urlsafe_b64encode(content).decode().rstrip("="))


@examples(500)
@given(text=_ANY_TEXT | _MADE_UP, sort=_SORTS)
def test_made_up_text_is_refused_and_nothing_else_happens(text: str, sort: str) -> None:
    with pytest.raises(InvalidCursorError):
        _CURSORS.decode(text, sort=sort, filters="{}")
