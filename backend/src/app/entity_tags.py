"""Entity tags (RFC 9110): `ETag` as the hash of a response body, its comparison, and preconditions of writes."""

import hashlib
import re
from collections.abc import Callable
from typing import Final, TypeVar

Row = TypeVar("Row")

Precondition = Callable[[Row], None]
"""Raises an error unless a write may replace or delete the row."""

_TAG: Final = re.compile(r'(?:^|,)[ \t]*(W/)?("[^"]*")[ \t]*(?=,|$)')


def compute_tag(body: bytes) -> str:
    """The strong tag of a response body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def is_listed(tag: str, header: str, *, strongly: bool) -> bool:
    """Whether a header with `*` or a list of tags matches `tag`. Compared strongly, listed tags with `W/` do not."""
    if header.strip(" \t") == "*":
        return True
    return any(opaque == tag and not (strongly and weak) for weak, opaque in _TAG.findall(header))
