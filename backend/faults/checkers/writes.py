"""Acknowledged writes are durable, nothing else is written, and versions number the writes of each deal."""

from collections import Counter
from collections.abc import Iterator

from faults.final_state import AuditRecord
from faults.history import Kind, Operation, Outcome
from faults.observations import Observations, group


def acknowledged_writes_persist(observations: Observations) -> list[str]:
    """Every acknowledged write was committed, and the table holds the last committed state of each deal."""
    lost = [write for write in observations.acknowledged_writes if not _is_committed(observations, write)]
    return [*(_describe_lost(write) for write in lost), *_find_table_mismatches(observations)]


def no_unexpected_writes(observations: Observations) -> list[str]:
    """Every committed write was sent by a client, was not reported as failed, and was applied once."""
    return [*_find_unsent(observations), *_find_unsent_deletes(observations), *_find_duplicates(observations)]


def one_update_per_version(observations: Observations) -> list[str]:
    """No two acknowledged updates produced the same version, or replaced the same version."""
    updates = observations.acknowledged_updates
    produced = group(((one.deal_id, one.version), one) for one in updates)
    replaced = group(((one.deal_id, one.expected_version), one) for one in updates if one.expected_version)
    duplicates = [
        f"{len(writes)} acknowledged updates of deal {deal_id} {verb} version {version}: "
        f"{' and '.join(str(write.sent) for write in writes)}."
        for verb, groups in (("produced", produced), ("replaced", replaced))
        for (deal_id, version), writes in groups.items()
        if len(writes) > 1
    ]
    return duplicates + [
        f"An update of deal {one.deal_id} on condition of version {one.expected_version} returned {one.version}."
        for one in updates
        if one.expected_version is not None and one.version != one.expected_version + 1
    ]


def versions_have_no_gaps(observations: Observations) -> list[str]:
    """The committed versions of every deal are 1, 2, 3, …, and no write follows its deletion."""
    return [
        violation
        for deal_id, records in observations.audit_by_deal.items()
        for violation in _find_gaps(deal_id, records)
    ]


def versions_follow_real_time(observations: Observations) -> list[str]:
    """If one update of a deal was acknowledged before another was sent, its version is lower."""
    by_deal = group((update.deal_id, update) for update in observations.acknowledged_updates)
    return [violation for updates in by_deal.values() for violation in _find_reordered(updates)]


def _is_committed(observations: Observations, write: Operation) -> bool:
    records = observations.audit_by_deal.get(write.deal_id or 0, [])
    if write.kind is Kind.DELETE:
        return any(record.kind == "delete" for record in records)
    kind = "insert" if write.kind is Kind.CREATE else "update"
    expected = (kind, write.version, write.sent)
    return any((record.kind, record.version, record.value) == expected for record in records)


def _describe_lost(write: Operation) -> str:
    subject = "The deletion" if write.kind is Kind.DELETE else f"{write.sent} at version {write.version}"
    return f"{subject} of deal {write.deal_id} was acknowledged and is not committed."


def _find_table_mismatches(observations: Observations) -> Iterator[str]:
    for deal_id, records in observations.audit_by_deal.items():
        last, stored = records[-1], observations.final_state.deals.get(deal_id)
        expected = None if last.kind == "delete" else (last.version, last.value)
        if expected != (stored and (stored.version, stored.value)):
            yield f"The last commit of deal {deal_id} was {expected}, and the table has {stored}."


def _find_unsent(observations: Observations) -> Iterator[str]:
    for record in observations.final_state.audit_trail:
        if record.kind == "delete" or record.value in observations.initial_values:
            continue
        attempts = observations.writes_by_value.get(record.value, [])
        if not attempts:
            yield f"Deal {record.deal_id} has {record.value} at version {record.version}, which no client sent."
        elif all(attempt.outcome is Outcome.FAIL for attempt in attempts):
            yield f"Deal {record.deal_id} has {record.value}, though the response was {_format_statuses(attempts)}."


def _find_unsent_deletes(observations: Observations) -> Iterator[str]:
    for deal_id, records in observations.audit_by_deal.items():
        attempts = observations.deletes_by_deal.get(deal_id, [])
        if records[-1].kind == "delete" and all(attempt.outcome is Outcome.FAIL for attempt in attempts):
            yield f"Deal {deal_id} was deleted, though every deletion failed."


def _find_duplicates(observations: Observations) -> Iterator[str]:
    """Repeated values, except under idempotency keys, which have a checker of their own."""
    keyed = {one.sent for one in observations.operations if one.idempotency_key is not None}
    written = Counter(record.value for record in observations.final_state.audit_trail if record.kind != "delete")
    for value, times in written.items():
        if times > 1 and value not in keyed:
            yield f"{value} was sent once and written {times} times."


def _format_statuses(attempts: list[Operation]) -> str:
    return " and ".join(sorted({f"{one.status or 'none'} {one.error_code or ''}".strip() for one in attempts}))


def _find_gaps(deal_id: int, records: list[AuditRecord]) -> Iterator[str]:
    expected = 1
    for record in records:
        if record.kind == "delete":
            expected -= 1  # a deletion does not increment the version
        if record.version != expected:
            yield f"Deal {deal_id} has version {record.version} instead of {expected}."
        expected = record.version + 1


def _find_reordered(updates: list[Operation]) -> Iterator[str]:
    latest: Operation | None = None
    for update in sorted(updates, key=lambda one: one.version or 0):
        if latest is not None and update.end < latest.start:
            yield (
                f"Version {update.version} of deal {update.deal_id} was acknowledged before "
                f"the update to version {latest.version} was sent."
            )
        if latest is None or update.start > latest.start:
            latest = update
