"""Where a page of a list starts and how it goes on. Pure: no I/O.

A page starts at an offset, or after a row that an earlier page ended with. That row travels in a cursor: the sort, the
row's sort key and id, and a fingerprint of the filters, signed with HMAC-SHA256 (RFC 2104) so that it can't be forged.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final, Generic, TypeVar

from app.errors import InvalidCursorError

T = TypeVar("T")

SortKey = int | Decimal | date | datetime

_SIGNATURE_BYTES: Final = 16
_KEYS: Final[dict[str, Callable[[str], SortKey]]] = {
    "id": int,
    "price_per_night": Decimal,
    "star_rating": int,
    "discount_percent": int,
    "checkin_date": date.fromisoformat,
    "created_at": datetime.fromisoformat,
}


class TotalMode(StrEnum):
    """How to find the total of a list."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Offset:
    """Start at the `skip`-th row, counted from 0."""

    skip: int


@dataclass(frozen=True, slots=True)
class KeysetPosition:
    """Start behind the row with this sort key and id."""

    key: SortKey
    id: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """At most `limit` items of a list; `skip` is None on a page that a cursor led to."""

    items: list[T]
    total: int | None
    total_kind: TotalMode
    skip: int | None
    limit: int
    has_more: bool
    next_cursor: str | None = None


class CursorCodec:
    """Writes and reads cursors; those of other keys, sorts and filters are refused. They never expire."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encode(self, after: KeysetPosition, *, sort: str, filters: str) -> str:
        """The cursor behind the row of `after` in a list by `sort`; `filters` is any text that names the filters."""
        payload = json.dumps([sort, str(after.key), after.id, _fingerprint(filters)], separators=(",", ":")).encode()
        return _text_of(self._signature(payload) + payload)

    def decode(self, cursor: str, *, sort: str, filters: str) -> KeysetPosition:
        """What `write` was given. Raises InvalidCursorError unless it was with this key, sort and filters."""
        signed = _bytes_of(cursor)
        signature, payload = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise InvalidCursorError
        made_for, key, row_id, fingerprint = json.loads(payload)
        if (made_for, fingerprint) != (sort, _fingerprint(filters)):
            raise InvalidCursorError("The cursor was made for another sort or other filters.")
        return KeysetPosition(_KEYS[sort.removeprefix("-")](key), row_id)

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, sha256)[:_SIGNATURE_BYTES]


def _text_of(signed: bytes) -> str:
    return urlsafe_b64encode(signed).decode().rstrip("=")


def _bytes_of(cursor: str) -> bytes:
    try:
        signed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raise InvalidCursorError from None
    # The decoder skips what is not in its alphabet and ignores spare bits: other texts decode to the same bytes.
    if _text_of(signed) != cursor:
        raise InvalidCursorError
    return signed


def _fingerprint(filters: str) -> str:
    return sha256(filters.encode()).hexdigest()[:16]
