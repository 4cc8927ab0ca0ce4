"""The experiments detect the bugs of a broken service."""

from collections.abc import Callable, Iterator

import pytest

from faults.environment import Environment
from faults.experiments import invalid_input, keep_alive, read_after_write, round_trips
from faults.experiments.experiment import ExperimentResult, Options

Measure = Callable[[Options, Environment], ExperimentResult]


@pytest.fixture(scope="module")
def broken_environment() -> Iterator[Environment]:
    with Options(app_factory="faults.mutants.broken_service:create_broken").start(workers=2) as environment:
        yield environment


@pytest.mark.parametrize(
    ("measure", "detail"),
    [
        (read_after_write.measure, "DELETE of deal"),
        (round_trips.measure, "star_rating was 5 and is 4"),
        (invalid_input.measure, "The connection was"),
        (keep_alive.measure, "The connection was"),
    ],
    ids=["read-after-write", "round-trips", "invalid-input", "keep-alive"],
)
def test_experiment_misses_its_target_with_broken_service(
    broken_environment: Environment, measure: Measure, detail: str
) -> None:
    result = measure(Options(seed=7, scale=0.01), broken_environment)
    assert not result.is_met
    assert "MISSED" in result.format()
    assert any(detail in example for example in result.list_details()), result
