"""The fault suite in its short form: all scenarios among all kinds of faults, and nothing is wrong afterwards.

`python -m faults --help` has the long form.
"""

from typing import Final

from faults.campaign import Campaign, run
from faults.checkers import judge
from faults.nemesis import FAULTS
from faults.report import lines

SHORT: Final = Campaign(
    seed=7,
    players=12,
    deals=6,
    writes=200,
    keys=20,
    kinds=FAULTS,
    faults=len(FAULTS),
    gap=(0.1, 0.4),
    hold=(0.2, 0.8),
)


def test_what_is_acknowledged_among_faults_is_kept_and_nobody_is_told_a_lie() -> None:
    done = run(SHORT)
    verdict = judge(done.evidence)
    told = "\n".join(lines("short", SHORT, done, verdict))
    assert {fault.kind for fault in done.faults} == set(FAULTS), told
    assert not done.is_dead, told
    assert not any(verdict.values()), told
