"""Plans as people read them: what is read in which way, and how long it takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

_INTRODUCTION: Final = """\
# What every index is worth

Every index of the models besides those of keys and unique constraints, with requests of the API that it is there for.
The statements are the service's own, on a catalogue of {rows:,} deals (PostgreSQL {server}, its default settings,
everything in memory). *Without* means that the index was dropped in a transaction which was then rolled back. Times
are the execution times of all statements of a request, in milliseconds, each the best of three.

The *sample* is what `deals generate` writes: of its 150 hotels, 7 room types and 5 categories PostgreSQL rather reads
all. *Rarities* are 100,000 hotels more, and a room type and a category that 100 deals have. `uq_categories_lower_name`
is there for a rule: names of categories are unique whatever their case.

`./uvw python -m benchmarks.plans --rows {rows}` makes this page, from `backend/benchmarks/index_uses.py`.

| index | MiB | data | request | ms with | ms without | |
|---|---:|---|---|---:|---:|---|
"""
_FROM: Final = re.compile(r"\bFROM\b")
_EDGE: Final = 1.25
"""How many times as long it must take without an index for that to be no noise."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How PostgreSQL carried out a statement."""

    milliseconds: float
    nodes: Sequence[str]

    def uses(self, index: str) -> bool:
        return any(re.search(rf"\b{index}\b", node) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A statement with an index and without it."""

    statement: str
    having: Plan
    lacking: Plan

    @property
    def saving(self) -> float:
        return self.lacking.milliseconds - self.having.milliseconds


@dataclass(frozen=True, slots=True)
class Worth:
    """An index for one request."""

    index: str
    mebibytes: float
    data: str
    request: str
    compared: Sequence[Comparison]

    @property
    def used(self) -> list[Comparison]:
        return [one for one in self.compared if one.having.uses(self.index)]

    @property
    def having(self) -> float:
        return sum(one.having.milliseconds for one in self.compared)

    @property
    def lacking(self) -> float:
        return sum(one.lacking.milliseconds for one in self.compared)

    @property
    def verdict(self) -> str:
        if not self.used:
            return "not used"
        return f"{self.lacking / self.having:,.1f} times" if self.lacking > _EDGE * self.having else "no gain"


def document(worths: Sequence[Worth], *, rows: int, server: str) -> str:
    """The page: a table of all, then for every index that is used the statement that it saves most."""
    ordered = sorted(worths, key=lambda worth: worth.index)
    table = [
        f"| {worth.index} | {worth.mebibytes:,.1f} | {worth.data} | `{worth.request}` | {worth.having:,.2f} |"
        f" {worth.lacking:,.2f} | {worth.verdict} |"
        for worth in ordered
    ]
    introduction = _INTRODUCTION.format(rows=rows, server=server)
    sections = [_section(list(of_one)) for _, of_one in groupby(ordered, key=lambda worth: worth.index)]
    return "\n".join((introduction + "\n".join(table), *filter(None, sections)))


def _section(worths: Sequence[Worth]) -> str:
    used = [(worth, one) for worth in worths for one in worth.used]
    if not used:
        return ""
    worth, most = max(used, key=lambda pair: pair[1].saving)
    lines = (
        f"\n## {worth.index}\n\n`GET {worth.request}`, {worth.data}:\n\n```sql",
        _short(most.statement),
        f"-- with the index: {most.having.milliseconds:,.2f} ms",
        *most.having.nodes,
        f"-- without: {most.lacking.milliseconds:,.2f} ms",
        *most.lacking.nodes,
        "```",
    )
    return "\n".join(lines)


def _short(statement: str) -> str:
    """The statement on one line, without what it selects."""
    text = " ".join(statement.split())
    depths: Mapping[str, int] = {"(": 1, ")": -1}
    for start in (found.start() for found in _FROM.finditer(text)):
        if sum(depths.get(character, 0) for character in text[:start]) == 0:
            return f"SELECT … {text[start:]}"
    return text
