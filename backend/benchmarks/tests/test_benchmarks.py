"""The benchmark itself, on little data. Nothing here depends on how quick anything is."""

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
from benchmarks.agreement import check_agreement
from benchmarks.cases import CASES, Material
from benchmarks.contestants import ContestantError
from benchmarks.index_uses import check_uses

CONTESTANTS = {"service", "bare", "tutorial"}


def bench(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *options], cwd=BACKEND, capture_output=True, text=True, check=False
    )


def test_every_contestant_is_measured_in_every_case_and_all_agree(own_url: str, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    little = ("--rows", "500", "--seconds", "0.05", "--rounds", "1")
    run = bench(*little, "--json", str(file), "--database-url", own_url)
    assert run.returncode == 0, run.stderr

    results = json.loads(file.read_text())
    assert set(results["cases"]) == {*CASES, "import"}
    for case, contestants in results["cases"].items():
        assert set(contestants) == CONTESTANTS
        for name, measured in contestants.items():
            assert all(value > 0 for value in measured.values()), (case, name, measured)
            assert f"| {case} " in run.stdout
    for case, ratios in results["ratios"].items():
        speed = "rows_per_second" if case == "import" else "requests_per_second"
        of = {name: measured[speed] for name, measured in results["cases"][case].items()}
        assert ratios["speed_of_bare"] == of["service"] / of["bare"]
        assert ratios["speed_of_tutorial"] == of["service"] / of["tutorial"]


def test_a_case_that_is_not_known_is_refused() -> None:
    run = bench("--only", "delete")
    assert run.returncode == 2
    assert "choose from list" in " ".join(run.stderr.split())


@contextmanager
def answering(body: object) -> Iterator[int]:
    """The port of a server that always gives the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  as in the standard library
            """Be silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("price", [199.0, 199.01])
def test_contestants_that_do_other_work_are_found_out(price: float) -> None:
    answers = {
        name: [{"city": "Rome", "avg_price": price if name == "bare" else 199.0, "deal_count": 3}]
        for name in CONTESTANTS
    }
    with ExitStack() as stack:
        ports = {name: stack.enter_context(answering(answer)) for name, answer in answers.items()}
        if price == 199.0:
            check_agreement("stats", Material([], [], []), ports, undo=lambda: None)
        else:
            with pytest.raises(ContestantError, match=r"`bare` with .*199\.01"):
                check_agreement("stats", Material([], [], []), ports, undo=lambda: None)


def test_it_is_known_what_every_index_is_for() -> None:
    check_uses()
