"""Entity tags (RFC 9110): `ETag` as the hash of a response body, its comparison, and preconditions of writes."""

import hashlib
import re
from collections.abc import Callable
from typing import Final, TypeVar

Row = TypeVar("Row")

Precondition = Callable[[Row], None]
"""Raises an error unless a write may replace or delete the row."""

_TAG: Final = re.compile(r'(?:^|,)[ \t]*(?:W/)?("[^"]*")[ \t]*(?=,|$)')


def compute_tag(body: bytes) -> str:
    """The strong tag of a response body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_listed(tag: str, header: str) -> bool:
    """Whether a header with `*` or a list of tags matches `tag`, with or without `W/`.

    RFC 9110 compares tags in If-Match strongly, because others may stand for similar content. Here a weak tag stands
    for equal content in any coding, and a client may have no other: proxies that compress also make tags weak.
    """
    return header.strip(" \t") == "*" or tag in _TAG.findall(header)
