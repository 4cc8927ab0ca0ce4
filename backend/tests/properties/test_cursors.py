"""A cursor decodes to the encoded position, for its own list only; any other text is rejected."""

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
from app.schemas.filters import DealFilters
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
_CODEC: Final = CursorCodec(b"k" * 32)
_ALPHABET: Final = [*map(chr, range(128)), "\u00e9", "\u0661", "\ud800", "\U0001f3e8"]


@st.composite
def _positions(draw: st.DrawFn) -> tuple[str, KeysetPosition]:
    sort = draw(_SORTS)
    return sort, KeysetPosition(draw(_SORT_KEYS[sort.removeprefix("-")]), draw(IDS))


def _pairs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=2, max_size=2, unique=True)


@examples(200)
@given(secret=_SECRETS, sorted_position=_positions(), filters=st.text())
def test_cursor_decodes_to_the_encoded_position(
    secret: bytes, sorted_position: tuple[str, KeysetPosition], filters: str
) -> None:
    sort, after = sorted_position
    cursor = CursorCodec(secret).encode(after, sort=sort, filter_fingerprint=filters)
    decoded = CursorCodec(secret).decode(cursor, sort=sort, filter_fingerprint=filters)
    assert (decoded, type(decoded.key)) == (after, type(after.key))


@examples(200)
@given(
    secrets=_pairs(_SECRETS),
    sorts=_pairs(_SORTS),
    filters=_pairs(st.text()),
    changed=st.sampled_from(["secret", "sort", "filters"]),
)
def test_cursor_with_another_secret_sort_or_filters_is_rejected(
    secrets: list[bytes], sorts: list[str], filters: list[str], changed: str
) -> None:
    cursor = CursorCodec(secrets[0]).encode(KeysetPosition(1, 1), sort=sorts[0], filter_fingerprint=filters[0])
    codec = CursorCodec(secrets[changed == "secret"])
    sort, fingerprint = sorts[changed == "sort"], filters[changed == "filters"]
    with pytest.raises(InvalidCursorError):
        codec.decode(cursor, sort=sort, filter_fingerprint=fingerprint)


def _edit(text: str) -> Iterator[str]:
    """Yield every text that differs by one replaced, inserted or deleted character."""
    for position in range(len(text) + 1):
        before, after = text[:position], text[position:]
        yield from (before + character + after for character in _ALPHABET)
        if after:
            yield before + after[1:]
            yield from (before + character + after[1:] for character in _ALPHABET if character != after[0])


@pytest.mark.parametrize("row_id", [1, 12, 123])
def test_cursor_with_one_edited_character_is_rejected(row_id: int) -> None:
    """The ids have three lengths, so that the cursors have every length of base64 padding."""
    cursor = _CODEC.encode(KeysetPosition(row_id, row_id), sort="id", filter_fingerprint="{}")
    for edited in _edit(cursor):
        with pytest.raises(InvalidCursorError):
            _CODEC.decode(edited, sort="id", filter_fingerprint="{}")


_ANY_TEXT: Final = st.text(st.characters(exclude_categories=[]))
_BASE64_TEXT: Final = st.binary().map(lambda content: urlsafe_b64encode(content).decode().rstrip("="))


@examples(500)
@given(text=_ANY_TEXT | _BASE64_TEXT, sort=_SORTS)
def test_arbitrary_text_is_rejected(text: str, sort: str) -> None:
    with pytest.raises(InvalidCursorError):
        _CODEC.decode(text, sort=sort, filter_fingerprint="{}")


@pytest.mark.parametrize(
    ("city", "other"), [("Malaga", "M\u00e1laga"), ("Oslo", "Osl\u00f8"), ("a b", "ab"), ("x", "\u0445")]
)
def test_fingerprint_distinguishes_text_that_every_database_distinguishes(city: str, other: str) -> None:
    assert DealFilters(city=[city]).filter_fingerprint != DealFilters(city=[other]).filter_fingerprint
