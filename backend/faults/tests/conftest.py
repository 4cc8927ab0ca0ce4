"""The stages on which runs take place: none of them is the tests' usual database, for that one never forgets."""

from collections.abc import Iterator

import pytest

from faults.campaign import Campaign, Stage

ONE_WORKER = Campaign(workers=1, players=8, deals=4, factory="faults.planted.app:create_app")
"""The service, and beside it in the same process its variants with a bug."""


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """One worker with all variants."""
    with Stage.set(ONE_WORKER) as stage:
        yield stage
