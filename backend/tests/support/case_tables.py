"""Tables of invalid requests: one test sends all of them and reports every one that the service does not reject."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from typing import TypeVar

from tests.support.api_catalogue import Catalogue
from tests.support.raw_http import RawConnection

Case = TypeVar("Case")
Check = Callable[[RawConnection, Case], None]


def check_each_case(port: int, catalogue: Catalogue, cases: Mapping[str, Case], check: Check[Case]) -> None:
    """Fail with the name and the reason of each case that fails `check`, or if the catalogue has changed."""
    before = catalogue.fetch_all_rows()
    remaining, failures = deque(cases.items()), list[str]()
    while remaining:
        with RawConnection(port) as wire:
            failures += _run_until_failure(wire, remaining, check)
    if catalogue.fetch_all_rows() != before:
        failures.append("The catalogue has changed.")
    assert not failures, "\n".join([f"{len(failures)} of {len(cases)} cases:", *failures])


def _run_until_failure(wire: RawConnection, remaining: deque[tuple[str, Case]], check: Check[Case]) -> Iterator[str]:
    """Take cases from `remaining`; all of them share one connection, which may be unusable after a failure."""
    while remaining:
        name, case = remaining.popleft()
        try:
            check(wire, case)
        except (AssertionError, HTTPException, OSError) as error:
            yield f"{name[:40]!a}: {error}"
            return
