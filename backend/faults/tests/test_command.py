"""The command of the long form, on a run that is over soon."""

import json
import subprocess
from pathlib import Path

from faults.processes import BACKEND, module, plain_environment


def faults(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        module("faults", *arguments), cwd=BACKEND, env=plain_environment(), capture_output=True, text=True, check=False
    )


def test_a_campaign_prints_its_figures_and_keeps_its_history(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    done = faults("keys", "--keys", "4", "--at-once", "3", "--faults", "0", "--seed", "5", "--history", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    first, *figures = done.stdout.splitlines()
    operations = [json.loads(line) for line in file.read_text().splitlines()]
    assert first.startswith(f"keys, seed 5: {len(operations):,} operations in ")
    keys = {operation["idempotency_key"] for operation in operations}
    assert f"  one_effect_a_key: 0 in {len(keys)}" in figures
    assert {operation["outcome"] for operation in operations} <= {"ok", "fail", "unknown"}


def test_a_kind_of_fault_that_is_not_known_is_refused() -> None:
    done = faults("everything", "--kind", "earthquake")
    assert done.returncode == 2
    assert "choose from kill_postgres" in " ".join(done.stderr.split())
