"""Pagination by offset and by cursor. No I/O.

A cursor identifies the last row of a page: it holds the sort, the row's sort key and id, and a fingerprint of the
filters, and is signed with HMAC-SHA256 (RFC 2104) so that it cannot be forged. Cursors never expire.
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
_KEY_PARSERS: Final[dict[str, Callable[[str], SortKey]]] = {
    "id": int,
    "price_per_night": Decimal,
    "star_rating": int,
    "discount_percent": int,
    "checkin_date": date.fromisoformat,
    "created_at": datetime.fromisoformat,
}


class TotalMode(StrEnum):
    """How to determine the total of a list."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Offset:
    """The position of the `skip`-th row, counted from 0."""

    skip: int


@dataclass(frozen=True, slots=True)
class KeysetPosition:
    """The position after the row with this sort key and id."""

    key: SortKey
    id: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """At most `limit` items of a list; `skip` is None on a page requested by cursor."""

    items: list[T]
    total: int | None
    total_kind: TotalMode
    skip: int | None
    limit: int
    has_more: bool
    next_cursor: str | None = None


class CursorCodec:
    """Encodes and decodes signed cursors."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encode(self, position: KeysetPosition, *, sort: str, filter_fingerprint: str) -> str:
        """The cursor of `position` in the list with this sort and these filters."""
        content = [sort, str(position.key), position.id, _digest(filter_fingerprint)]
        payload = json.dumps(content, separators=(",", ":")).encode()
        return _to_base64(self._signature(payload) + payload)

    def decode(self, cursor: str, *, sort: str, filter_fingerprint: str) -> KeysetPosition:
        """The encoded position. Raises InvalidCursorError for a cursor of another key, sort or set of filters."""
        signed = _from_base64(cursor)
        signature, payload = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise InvalidCursorError
        cursor_sort, key, row_id, digest = json.loads(payload)
        if (cursor_sort, digest) != (sort, _digest(filter_fingerprint)):
            raise InvalidCursorError("The cursor belongs to another sort or other filters.")
        return KeysetPosition(_KEY_PARSERS[sort.removeprefix("-")](key), row_id)

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, sha256)[:_SIGNATURE_BYTES]


def _to_base64(signed: bytes) -> str:
    return urlsafe_b64encode(signed).decode().rstrip("=")


def _from_base64(cursor: str) -> bytes:
    try:
        signed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raise InvalidCursorError from None
    # The decoder skips characters outside its alphabet and ignores spare bits, so several texts have the same bytes.
    if _to_base64(signed) != cursor:
        raise InvalidCursorError
    return signed


def _digest(filter_fingerprint: str) -> str:
    return sha256(filter_fingerprint.encode()).hexdigest()[:16]
