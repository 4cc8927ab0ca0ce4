"""The command that measures what is promised: it says so when it is kept, and what is broken is found out."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from app.config import BACKEND
from faults.figures import hostile, keep_alive, read_after_write, round_trips
from faults.figures.figure import Figure
from faults.figures.plan import Plan
from faults.figures.stage import Stage, stage

Campaign = Callable[[Plan, Stage], Figure]


def figures(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "faults.figures", *arguments], cwd=BACKEND, capture_output=True, text=True, check=False
    )


def test_what_is_promised_is_reached() -> None:
    run = figures("keep-alive", "--seed", "7", "--share", "0.05")
    assert run.returncode == 0, run.stdout + run.stderr
    header, line = run.stdout.splitlines()
    assert "PostgreSQL" in header
    assert "share 0.05" in header
    assert line.startswith("keep-alive | n 50 | faults: 17 kinds of errors | seed 7 | 0 connections cut")
    assert "| reached |" in line


def test_a_figure_that_is_not_known_is_refused() -> None:
    run = figures("speed")
    assert run.returncode == 2
    assert "choose from" in " ".join(run.stderr.split())


@pytest.fixture(scope="module")
def broken() -> Iterator[Stage]:
    """A service with a bug for each of the campaigns below."""
    with stage(Plan(factory="faults.figures.planted:create_broken"), workers=2) as there:
        yield there


@pytest.mark.parametrize(
    ("campaign", "found"),
    [
        (read_after_write.measured, "DELETE of deal"),
        (round_trips.measured, "star_rating was 5 and is 4"),
        (hostile.measured, "The connection was"),
        (keep_alive.measured, "The connection was"),
    ],
    ids=["read-after-write", "round-trips", "hostile", "keep-alive"],
)
def test_a_broken_service_misses_what_is_to_be_reached(broken: Stage, campaign: Campaign, found: str) -> None:
    figure = campaign(Plan(seed=7, share=0.01), broken)
    assert not figure.reached
    assert "MISSED" in figure.line()
    assert any(found in example for example in figure.examples), figure
