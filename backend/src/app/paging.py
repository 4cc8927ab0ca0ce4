"""A page of a list and where it starts. Pure: no I/O."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list of `total`, from the `skip`-th on, `limit` at most."""

    items: list[T]
    total: int
    skip: int
    limit: int
