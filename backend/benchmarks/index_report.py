"""Index gains as Markdown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

_INTRODUCTION: Final = """\
Measured by `./uvw python -m benchmarks.index_gains --rows {rows}` on {rows:,} deals, PostgreSQL {server} with its
default settings, all data in memory.

| Index | MiB | Data | Request | ms with | ms without | Gain |
|---|---:|---|---|---:|---:|---|
"""
_FROM: Final = re.compile(r"\bFROM\b")
_MIN_GAIN: Final = 1.25
"""Smaller factors are noise."""


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """An executed plan: its time and its nodes, one a line."""

    milliseconds: float
    nodes: Sequence[str]

    def uses(self, index: str) -> bool:
        return any(re.search(rf"\b{index}\b", node) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A statement with an index and without it."""

    statement: str
    with_index: QueryPlan
    without_index: QueryPlan

    @property
    def saving(self) -> float:
        return self.without_index.milliseconds - self.with_index.milliseconds


@dataclass(frozen=True, slots=True)
class IndexGain:
    """The gain of an index for one request."""

    index: str
    mebibytes: float
    data: str
    request: str
    comparisons: Sequence[Comparison]

    @property
    def improved(self) -> list[Comparison]:
        """The statements that use the index."""
        return [comparison for comparison in self.comparisons if comparison.with_index.uses(self.index)]

    @property
    def ms_with(self) -> float:
        return sum(comparison.with_index.milliseconds for comparison in self.comparisons)

    @property
    def ms_without(self) -> float:
        return sum(comparison.without_index.milliseconds for comparison in self.comparisons)

    @property
    def verdict(self) -> str:
        if not self.improved:
            return "not used"
        factor = self.ms_without / self.ms_with
        return f"{factor:,.1f} times" if factor > _MIN_GAIN else "none"


def format_report(gains: Sequence[IndexGain], *, rows: int, server: str, plans: bool) -> str:
    """A table of all gains; with `plans`, also the statement of each index that gains most."""
    ordered = sorted(gains, key=lambda gain: gain.index)
    table = [
        f"| {gain.index} | {gain.mebibytes:,.1f} | {gain.data} | `{gain.request}` | {gain.ms_with:,.2f} |"
        f" {gain.ms_without:,.2f} | {gain.verdict} |"
        for gain in ordered
    ]
    sections = [_format_plans(list(group)) for _, group in groupby(ordered, key=lambda gain: gain.index)]
    introduction = _INTRODUCTION.format(rows=rows, server=server)
    return "\n".join((introduction + "\n".join(table), *filter(None, sections if plans else ())))


def _format_plans(gains: Sequence[IndexGain]) -> str:
    improved = [(gain, comparison) for gain in gains for comparison in gain.improved]
    if not improved:
        return ""
    gain, best = max(improved, key=lambda pair: pair[1].saving)
    lines = (
        f"\n## {gain.index}\n\n`GET {gain.request}`, {gain.data}:\n\n```sql",
        _abbreviate(best.statement),
        f"-- with the index: {best.with_index.milliseconds:,.2f} ms",
        *best.with_index.nodes,
        f"-- without: {best.without_index.milliseconds:,.2f} ms",
        *best.without_index.nodes,
        "```",
    )
    return "\n".join(lines)


def _abbreviate(statement: str) -> str:
    """The statement on one line, without its column list."""
    text = " ".join(statement.split())
    depths: Mapping[str, int] = {"(": 1, ")": -1}
    for start in (match.start() for match in _FROM.finditer(text)):
        if sum(depths.get(character, 0) for character in text[:start]) == 0:
            return f"SELECT … {text[start:]}"
    return text
