"""Each checker detects the mutant made for it, in the harness that finds no violation of the unmodified service."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import pytest

from faults.campaign import Campaign, CampaignResult, run_campaign, run_campaign_in
from faults.checkers import CHECKERS, run_checkers
from faults.database import connect
from faults.environment import Environment
from faults.mutants.app import RELEASE_PATH
from faults.workers import SERVICE

SMALL: Final = Campaign(
    seed=11,
    workers=1,
    clients=8,
    deals=2,
    min_writes=30,
    min_keys=2,
    app_factory="faults.mutants.app:create_app",
)
WITH_FAULT: Final = replace(SMALL, faults=1, interval=(0.1, 0.1), duration=(0.5, 0.5))


@dataclass(frozen=True, slots=True)
class Mutant:
    checker: str
    name: str
    fault: str | None = None
    """The fault that makes the bug observable."""

    def __str__(self) -> str:
        return self.name


SEEDS: Final = range(1, 5)
SERVICE_MUTANTS: Final = (
    Mutant("acknowledged_writes_persist", "acknowledge_then_roll_back"),
    Mutant("reads_are_consistent", "commit_after_response"),
    Mutant("reads_are_consistent", "stale_reads"),
    Mutant("one_update_per_version", "check_version_in_python"),
    Mutant("idempotency_keys_apply_once", "check_then_insert"),
    Mutant("idempotency_keys_apply_once", "modified_replay"),
    Mutant("no_resource_leaks", "leaked_read_connection"),
    Mutant("no_resource_leaks", "leaked_write_connection"),
    Mutant("no_resource_leaks", "leaked_descriptors"),
    Mutant("no_unexpected_writes", "blind_retry", fault="cut_after_commit"),
    Mutant("responses_are_well_formed", "database_error_as_500", fault="down"),
)
_CREATE_TRIGGER: Final = """
    CREATE FUNCTION mutate() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN {bug}; RETURN NEW; END $body$;
    CREATE TRIGGER mutate BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION mutate()
"""
_DROP_TRIGGER: Final = "DROP FUNCTION mutate CASCADE"
DATABASE_MUTANTS: Final[Mapping[Mutant, tuple[str, str]]] = {
    Mutant("acknowledged_writes_persist", "lost_column_update"): (
        _CREATE_TRIGGER.format(bug="NEW.price_per_night := OLD.price_per_night"),
        _DROP_TRIGGER,
    ),
    Mutant("versions_have_no_gaps", "version_incremented_by_two"): (
        _CREATE_TRIGGER.format(bug="NEW.version := OLD.version + 2"),
        _DROP_TRIGGER,
    ),
    Mutant("versions_follow_real_time", "decreasing_version"): (
        _CREATE_TRIGGER.format(bug="NEW.version := 3 - OLD.version"),
        _DROP_TRIGGER,
    ),
    Mutant("rollups_match_deals", "disabled_rollup_trigger"): (
        "ALTER TABLE deals DISABLE TRIGGER roll_up_changed_deals",
        "ALTER TABLE deals ENABLE TRIGGER roll_up_changed_deals",
    ),
}


@pytest.fixture
def _release_leaks(environment: Environment) -> Iterator[None]:
    yield
    environment.workers[0].responds(f"/{RELEASE_PATH}")


def find_violations(result: CampaignResult) -> dict[str, list[str]]:
    return {name: found for name, found in run_checkers(result.observations).items() if found}


def test_unmodified_service_has_no_violations(environment: Environment) -> None:
    result = run_campaign_in(environment, replace(SMALL, min_writes=60))
    assert result.history.acknowledged >= 60
    assert find_violations(result) == {}


@pytest.mark.usefixtures("_release_leaks")
@pytest.mark.parametrize("mutant", SERVICE_MUTANTS, ids=str)
def test_service_mutant_is_detected(environment: Environment, mutant: Mutant) -> None:
    """One short run may miss the bug on a busy machine, but not one run for each of several seeds."""
    campaign = replace(WITH_FAULT, fault_kinds=(mutant.fault,)) if mutant.fault else SMALL
    campaign = replace(campaign, path_prefix=f"/{mutant.name}")
    runs = (find_violations(run_campaign_in(environment, replace(campaign, seed=seed))) for seed in SEEDS)
    assert any(mutant.checker in violations for violations in runs)


@contextmanager
def mutate_database(environment: Environment, create: str, drop: str) -> Iterator[None]:
    with connect(environment.database_url) as database, database.cursor() as cursor:
        cursor.execute(create)
        try:
            yield
        finally:
            cursor.execute(drop)


@pytest.mark.parametrize("mutant", DATABASE_MUTANTS, ids=str)
def test_database_mutant_is_detected(environment: Environment, mutant: Mutant) -> None:
    with mutate_database(environment, *DATABASE_MUTANTS[mutant]):
        violations = find_violations(run_campaign_in(environment, SMALL))
    assert mutant.checker in violations, violations


def test_asynchronous_commit_is_detected_by_kill() -> None:
    """The WAL writer waits ten seconds, so that a commit reaches the disk only if it waits for the flush.

    On a busy machine the kill may precede the first acknowledged write, but not in every run.
    """
    asynchronous = {"synchronous_commit": "off", "wal_writer_delay": "10s"}
    kill = replace(WITH_FAULT, interval=(0.5, 0.5), fault_kinds=("kill_postgres",))
    campaign = replace(kill, app_factory=SERVICE, postgres_options=asynchronous)
    runs = (find_violations(run_campaign(replace(campaign, seed=seed))) for seed in SEEDS)
    assert any("acknowledged_writes_persist" in violations for violations in runs)


def test_every_checker_detects_a_mutant() -> None:
    tested_elsewhere = {"workers_recover"}  # in test_checkers.py
    assert {mutant.checker for mutant in (*SERVICE_MUTANTS, *DATABASE_MUTANTS)} == CHECKERS.keys() - tested_elsewhere
