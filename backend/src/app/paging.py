"""A page of a list: how it is ordered, where it starts, how its total was found. Pure: no I/O."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Count(StrEnum):
    """How to find the total of a list."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """At most `limit` items of a list, from the `skip`-th on, and whether more follow."""

    items: list[T]
    total: int | None
    total_kind: Count
    skip: int
    limit: int
    has_more: bool
