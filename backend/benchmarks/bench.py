"""One run: every case of every contestant, in rounds in which they take turns."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Final

from benchmarks.agreement import check_agreement
from benchmarks.cases import CASES, WRITES
from benchmarks.contestants import FACTORIES, ContestantError, served
from benchmarks.cores import Cores
from benchmarks.growth import growth_of
from benchmarks.imports import TUTORIAL_ROWS
from benchmarks.measuring import Ask, measure, measuring
from benchmarks.results import Growth, Import, Options, Requests, Results, Sample
from benchmarks.stage import EMPTY, Stage, content_of, describe

Say = Callable[[str], None]

_NAMES: Final = tuple(FACTORIES)
_WARM_UP: Final = 2

_Rounds = defaultdict[str, list[Sample]]


def run_benchmark(options: Options, *, say: Say) -> Results:
    """Raises ContestantError if a contestant fails, or if they do not do the same work."""
    cores = Cores.of_this_process()
    cores.give_others()
    say(f"Loading {options.rows:,} deals …")
    with Stage.prepared(options) as stage:
        bench = Bench(options, stage, cores, say)
        cases = [case for case in CASES if case in options.cases]
        imports = bench.imports() if "import" in options.cases else {}
        requests = bench.requests(cases) if cases else {}
        growth = bench.growth() if options.larger else None
        return Results(options, describe(stage.scratch, options, cores=cores), requests, imports, growth)


@dataclass(frozen=True, slots=True)
class Bench:
    """The measurements of one run."""

    options: Options
    stage: Stage
    cores: Cores
    say: Say

    def requests(self, cases: list[str]) -> dict[str, dict[str, Requests]]:
        """Each case over HTTP, then each in process."""
        with served(self.stage.url, cores=self.cores) as ports:
            rounds = {case: self._over_http(case, ports) for case in cases}
        with ExitStack() as stack:
            applications = [stack.enter_context(self._application(number)) for number in range(len(_NAMES))]
            costs = {case: self._in_process(case, applications) for case in cases}
        return {case: {name: Requests.of(rounds[case][name], costs[case][name]) for name in _NAMES} for case in cases}

    def imports(self) -> dict[str, Import]:
        """Into an empty database each time, before requests change what it is compared with."""
        self.say("import: measuring, and comparing what was imported …")
        rows = dict.fromkeys(_NAMES, self.options.rows) | {"tutorial": min(self.options.rows, TUTORIAL_ROWS)}
        rounds: _Rounds = defaultdict(list)
        for name in self._turns():
            with self.stage.scratch.database("import", template=EMPTY) as url:
                self.stage.scratch.checkpoint()
                plan = {"contestant": name, "url": url, "file": str(self.stage.file), "folder": str(self.stage.tables)}
                rounds[name].append(measure("imports", plan, url=url, application_on=self.cores))
                imported, wanted = (content_of(one, rows=rows[name]) for one in (url, self.stage.url))
                if imported != wanted:
                    raise ContestantError(f"`{name}` imports {imported} and not {wanted}.")
        return {name: Import.of(rounds[name], rows=rows[name]) for name in _NAMES}

    def growth(self) -> Growth:
        """The service on the stage and on larger ones."""
        with ExitStack() as stack:
            urls = {self.options.rows: self.stage.url}
            for rows in self.options.larger:
                self.say(f"Loading {rows:,} deals …")
                urls[rows] = stack.enter_context(self.stage.larger(rows))
            return growth_of(urls, self.options, cores=self.cores, say=self.say)

    def _over_http(self, case: str, ports: Mapping[str, int]) -> _Rounds:
        self.say(f"{case}: comparing the answers, then measuring over HTTP …")
        check_agreement(case, self.stage.material(), ports, undo=self.stage.tidy)
        rounds: _Rounds = defaultdict(list)
        for name in self._turns():
            plan = {"contestant": name, "case": case, "port": ports[name], "seconds": self.options.seconds}
            plan |= {"material": asdict(self.stage.material())}
            rounds[name].append(measure("load", plan, url=self.stage.url))
            if case in WRITES:
                self.stage.tidy()
        return rounds

    def _in_process(self, case: str, applications: list[Ask]) -> dict[str, float]:
        """Batch by batch in turn, so that a slow moment of the machine is everyone's. The first ones warm up."""
        self.say(f"{case}: measuring CPU time …")
        costs: defaultdict[str, list[float]] = defaultdict(list)
        ends = time.monotonic() + self.options.rounds * self.options.seconds
        while len(costs[_NAMES[-1]]) <= _WARM_UP or time.monotonic() < ends:
            for name, ask in zip(_NAMES, applications, strict=True):
                costs[name].append(ask({"case": case})["cpu_us"])
        if case in WRITES:
            self.stage.tidy()
        return {name: min(of_one[_WARM_UP:]) for name, of_one in costs.items()}

    @contextmanager
    def _application(self, number: int) -> Iterator[Ask]:
        with measuring("cpu", url=self.stage.url, application_on=self.cores) as ask:
            material = self.stage.material().share(number, of=len(_NAMES))
            ask({"contestant": _NAMES[number], "material": asdict(material)})
            yield ask

    def _turns(self) -> Iterator[str]:
        """All contestants as often as there are rounds, each round beginning with another one."""
        for number in range(self.options.rounds):
            first = number % len(_NAMES)
            yield from (*_NAMES[first:], *_NAMES[:first])
