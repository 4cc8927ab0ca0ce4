"""Once all is quiet, nothing is left over, and what is kept twice agrees."""

from faults.evidence import Evidence


def rollups_are_right(evidence: Evidence) -> list[str]:
    """The rollups are the sums of the deals."""
    return [f"A rollup is not as the deals are: {row}." for row in evidence.aftermath.rollups]


def nothing_is_left_open(evidence: Evidence) -> list[str]:
    """No session is in the middle of something, no connection is missing from its pool, no descriptor is left."""
    aftermath = evidence.aftermath
    return [
        *(f"A session has nothing to do and is in the middle of something ({said})." for said in aftermath.sessions),
        *(
            f"{worker.name} could use {worker.usable} of its {worker.pool} connections."
            for worker in aftermath.workers
            if worker.usable < worker.pool
        ),
        *(
            f"{worker.name} has {worker.files} descriptors open at rest, and needs {worker.most_files} at most."
            for worker in aftermath.workers
            if worker.files > worker.most_files
        ),
    ]
