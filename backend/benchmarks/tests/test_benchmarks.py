"""The benchmark tools on little data. No assertion depends on speed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.config import BACKEND
from benchmarks.cases import CASES, RequestData
from benchmarks.equivalence import check_equivalence
from benchmarks.index_gains import check_requests
from benchmarks.read_paths import READ_PATHS
from benchmarks.targets import TARGETS
from benchmarks.worker_process import BenchmarkError


def run_module(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=BACKEND, capture_output=True, text=True, check=False
    )


def test_bench_measures_every_target_in_every_case(own_url: str, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    quick = ("--rows", "500", "--seconds", "0.05", "--rounds", "1")
    run = run_module("benchmarks", *quick, "--json", str(file), "--database-url", own_url)
    assert run.returncode == 0, run.stderr

    results = json.loads(file.read_text())
    assert set(results["cases"]) == {*CASES, "import"}
    for case, by_target in results["cases"].items():
        assert set(by_target) == set(TARGETS)
        for name, figures in by_target.items():
            assert all(value > 0 for value in figures.values()), (case, name, figures)
            assert f"| {case} " in run.stdout
    for case, ratios in results["ratios"].items():
        figure = "rows_per_second" if case == "import" else "requests_per_second"
        speed = {name: figures[figure] for name, figures in results["cases"][case].items()}
        assert ratios["speed_of_bare"] == speed["service"] / speed["bare"]
        assert ratios["speed_of_tutorial"] == speed["service"] / speed["tutorial"]


def test_bench_with_unknown_case_exits_with_2_and_lists_the_cases() -> None:
    run = run_module("benchmarks", "--only", "delete")
    assert run.returncode == 2
    assert "choose from list" in " ".join(run.stderr.split())


def test_bench_with_two_sizes_measures_growth(own_url: str, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    sizes = ("--rows", "500", "--rows", "1000", "--only", "stats")
    quick = ("--seconds", "0.05", "--rounds", "1")
    run = run_module("benchmarks", *sizes, *quick, "--json", str(file), "--database-url", own_url)
    assert run.returncode == 0, run.stderr

    growth = json.loads(file.read_text())["growth"]
    assert growth["rows"] == [500, 1000]
    for series in (*growth["over_http"], *growth["in_database"]):
        assert all(milliseconds > 0 for milliseconds in series["milliseconds"]), series


def test_index_gains_prints_a_row_for_every_request(own_url: str) -> None:
    run = run_module("benchmarks.index_gains", "--rows", "1000", "--database-url", own_url)
    assert run.returncode == 0, run.stderr
    assert "| ix_deals_price_per_night_id |" in run.stdout
    assert "`/deals?category=rare`" in run.stdout


def test_pool_sizes_prints_a_row_for_each_pool(own_url: str) -> None:
    quick = ("--rows", "500", "--seconds", "0.05", "--rounds", "1")
    run = run_module("benchmarks.pool_sizes", *quick, "--database-url", own_url)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("/s, ") == 20


def test_read_paths_prints_a_figure_for_each_path(own_url: str) -> None:
    run = run_module("benchmarks.read_paths", "--rows", "500", "--batches", "1", "--database-url", own_url)
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) == len(READ_PATHS)


@contextmanager
def fixed_response(body: object) -> Iterator[int]:
    """The port of a server that always sends the same response."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  the name in the standard library
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("price", [199.0, 199.01])
def test_check_equivalence_fails_if_responses_differ(price: float) -> None:
    responses = {
        name: [{"city": "Rome", "avg_price": price if name == "bare" else 199.0, "deal_count": 3}] for name in TARGETS
    }
    with ExitStack() as stack:
        ports = {name: stack.enter_context(fixed_response(body)) for name, body in responses.items()}
        if price == 199.0:
            check_equivalence("stats", RequestData([], [], []), ports, remove_created=lambda: None)
        else:
            with pytest.raises(BenchmarkError, match=r"`bare` sends .*199\.01"):
                check_equivalence("stats", RequestData([], [], []), ports, remove_created=lambda: None)


def test_every_index_has_a_request() -> None:
    check_requests()
