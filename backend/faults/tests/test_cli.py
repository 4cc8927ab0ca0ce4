"""The commands `python -m faults` and `python -m faults.experiments`, in short runs."""

import json
import subprocess
from pathlib import Path

from faults.processes import BACKEND, clean_environment, module_command


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        module_command(*command), cwd=BACKEND, env=clean_environment(), capture_output=True, text=True, check=False
    )


def test_campaign_prints_report_and_writes_history(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    arguments = ("--keys", "4", "--duplicates", "3", "--faults", "0", "--seed", "5", "--history", str(file))
    done = run("faults", "idempotency", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    first, *report = done.stdout.splitlines()
    operations = [json.loads(line) for line in file.read_text().splitlines()]
    assert first.startswith(f"idempotency, seed 5: {len(operations):,} operations in ")
    keys = {operation["idempotency_key"] for operation in operations}
    assert f"  idempotency_keys_apply_once: 0 in {len(keys)}" in report
    assert {operation["outcome"] for operation in operations} <= {"ok", "fail", "unknown"}


def test_unknown_kind_of_fault_is_rejected_with_choices() -> None:
    done = run("faults", "mixed", "--kind", "earthquake")
    assert done.returncode == 2
    assert "choose from kill_postgres" in " ".join(done.stderr.split())


def test_experiment_that_meets_its_targets_exits_with_0() -> None:
    done = run("faults.experiments", "keep-alive", "--seed", "7", "--scale", "0.05")
    assert done.returncode == 0, done.stdout + done.stderr
    header, line = done.stdout.splitlines()
    assert "PostgreSQL" in header
    assert "scale 0.05" in header
    assert line.startswith("keep-alive | seed 7 | n 50 | faults: 17 kinds of errors | 0 connections closed")
    assert "| met |" in line


def test_unknown_experiment_is_rejected_with_choices() -> None:
    done = run("faults.experiments", "speed")
    assert done.returncode == 2
    assert "choose from" in " ".join(done.stderr.split())
