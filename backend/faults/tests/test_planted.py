"""Each checker finds the bug that was planted for it, in the same harness that finds nothing wrong with the service."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import httpx
import pytest

from faults.campaign import Campaign, Run, Stage, play, run
from faults.catalogue import connected
from faults.checkers import CHECKERS, judge
from faults.planted.app import RELEASE

LITTLE: Final = Campaign(
    seed=11, workers=1, players=8, deals=2, writes=30, keys=2, factory="faults.planted.app:create_app"
)

AMONG_FAULTS: Final = replace(LITTLE, faults=1, gap=(0.1, 0.1), hold=(0.5, 0.5))


@dataclass(frozen=True, slots=True)
class Bug:
    """What is wrong, and who has to find it."""

    checker: str
    name: str
    fault: str | None = None
    """What it takes to show."""

    def __str__(self) -> str:
        return self.name


SEEDS: Final = range(1, 5)
IN_THE_SERVICE: Final = (
    Bug("acknowledged_writes_are_kept", "acknowledged_but_rolled_back"),
    Bug("reads_are_true", "committed_after_the_answer"),
    Bug("reads_are_true", "stale_reads"),
    Bug("one_write_a_version", "version_checked_in_python"),
    Bug("one_effect_a_key", "check_then_insert"),
    Bug("one_effect_a_key", "other_replay"),
    Bug("nothing_is_left_open", "connection_kept"),
    Bug("nothing_is_left_open", "descriptors_left"),
    Bug("nothing_unsent_is_there", "blind_retry", fault="cut_after_commit"),
    Bug("answers_are_sound", "crash_for_database_error", fault="refuse"),
)
_BEFORE: Final = """
    CREATE FUNCTION planted_bug() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN {bug}; RETURN NEW; END $body$;
    CREATE TRIGGER planted_bug BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION planted_bug()
"""
_MENDED: Final = "DROP FUNCTION planted_bug CASCADE"
IN_THE_DATABASE: Final[Mapping[Bug, tuple[str, str]]] = {
    Bug("acknowledged_writes_are_kept", "lost_field"): (
        _BEFORE.format(bug="NEW.price_per_night := OLD.price_per_night"),
        _MENDED,
    ),
    Bug("versions_have_no_gap", "version_raised_by_two"): (
        _BEFORE.format(bug="NEW.version := OLD.version + 2"),
        _MENDED,
    ),
    Bug("versions_follow_time", "versions_that_fall"): (_BEFORE.format(bug="NEW.version := 3 - OLD.version"), _MENDED),
    Bug("rollups_are_right", "rollup_trigger_disabled"): (
        "ALTER TABLE deals DISABLE TRIGGER roll_up_changed_deals",
        "ALTER TABLE deals ENABLE TRIGGER roll_up_changed_deals",
    ),
}


@pytest.fixture
def released(stage: Stage) -> Iterator[None]:
    """All is well again for the next test."""
    yield
    httpx.get(f"{stage.workers[0].url}/{RELEASE}", trust_env=False)


def findings(run: Run) -> dict[str, list[str]]:
    return {name: found for name, found in judge(run.evidence).items() if found}


def test_nothing_is_wrong_with_the_service_itself(stage: Stage) -> None:
    done = play(replace(LITTLE, writes=60), stage)
    assert done.history.acknowledged >= 60
    assert findings(done) == {}


@pytest.mark.parametrize("bug", IN_THE_SERVICE, ids=str)
def test_a_bug_in_the_service_is_found(stage: Stage, released: None, bug: Bug) -> None:
    """Chance may spare a run as short as this, on a machine with other work to do, but not one after the other."""
    campaign = replace(AMONG_FAULTS, kinds=(bug.fault,)) if bug.fault else LITTLE
    runs = (findings(play(replace(campaign, seed=seed, path=f"/{bug.name}"), stage)) for seed in SEEDS)
    assert any(bug.checker in found for found in runs)


@contextmanager
def planted(stage: Stage, statement: str, mended: str) -> Iterator[None]:
    with connected(stage.database.libpq_url) as database, database.cursor() as cursor:
        cursor.execute(statement)
        try:
            yield
        finally:
            cursor.execute(mended)


@pytest.mark.parametrize("bug", IN_THE_DATABASE, ids=str)
def test_a_bug_in_the_database_is_found(stage: Stage, bug: Bug) -> None:
    with planted(stage, *IN_THE_DATABASE[bug]):
        found = findings(play(LITTLE, stage))
    assert bug.checker in found, found


def test_a_commit_that_does_not_wait_for_the_disk_is_found_by_a_kill() -> None:
    """Nobody writes out what is committed for ten seconds, unless a commit asks for it, and here none does."""
    forgetful = {"synchronous_commit": "off", "wal_writer_delay": "10s"}
    done = run(replace(AMONG_FAULTS, factory="app.main:create_app", options=forgetful, kinds=("kill_postgres",)))
    assert "acknowledged_writes_are_kept" in findings(done)


def test_every_checker_has_found_a_bug() -> None:
    by_hand = {"the_service_comes_back"}  # see test_checkers.py
    assert {bug.checker for bug in (*IN_THE_SERVICE, *IN_THE_DATABASE)} == CHECKERS.keys() - by_hand
