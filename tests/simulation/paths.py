"""How often the planner and the recovery were taken each of their ways, and which branches of the core never were.

A way that no schedule has taken is untested, however many schedules there were.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import coverage

from chalicelib.core import planner, settle
from chalicelib.core.ledger import Base, Entry, Existence, Remembered
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.merge import Merge
from chalicelib.core.model import Record, RowState, Side
from chalicelib.core.plan import Plan
from chalicelib.core.recover import Ground

CORE = Path(settle.__file__).parent
WAYS = ("merge", "plan", "planner", "recover", "refusals", "settle", "reading", "writing", "identify", "families")


@contextmanager
def counted(counts: Counter[str]) -> Iterator[None]:
    """Count meanwhile what the merge, the plan and the recovery came to."""
    merge, plan, recover = planner.merge, settle.plan, settle.recover

    def merging(base: Base | None, postgres: Remembered, salesforce: Remembered, **rest: Any) -> Merge:
        outcome = merge(base, postgres, salesforce, **rest)
        state = "no base" if base is None else f"base {base.state}"
        by = " user" if outcome.user else " echo" if outcome.echo else ""
        counts[f"merge: {state}: {outcome.verdict.name.lower()}{by}"] += 1
        return outcome

    def planning(*args: Any, **options: Any) -> Plan:
        planned = plan(*args, **options)
        for way in _ways(planned):
            counts[f"plan: {way}"] += 1
        return planned

    def recovering(mapping: ObjectMapping, entry: Entry, postgres: RowState, salesforce: Record | None) -> Ground:
        ground = recover(mapping, entry, postgres, salesforce)
        if entry.intent is not None:
            landed = [side for side in Side if entry.intent.writes_on(side) and side not in ground.withdrawn]
            what = entry.intent.existence or "values"
            counts[f"recovery: {what}: landed on {' and '.join(sorted(landed)) or 'no side'}"] += 1
        return ground

    planner.merge, settle.plan, settle.recover = merging, planning, recovering
    try:
        yield
    finally:
        planner.merge, settle.plan, settle.recover = merge, plan, recover


def _ways(planned: Plan) -> Iterator[str]:
    """What a plan decided, in a few words each."""
    yield f"existence {planned.existence or 'as it is'}, {'alive' if planned.alive else 'ended'}"
    if planned.survivor is not None:
        yield f"left alone in {planned.survivor}"
    yield from (f"caused by {cause}" for cause in set(planned.causes.values()))
    yield from (f"conflict {one.kind}{' by policy' if one.decision else ''}" for one in planned.conflicts)
    yield from (f"held back on {side}" for side in planned.held_back)
    for said, so in (
        ("links the row", planned.link and planned.existence is not Existence.CREATE_SALESFORCE),
        ("asks for the time of an edit", bool(planned.undated)),
        ("carries out an answer", bool(planned.answers)),
        ("refuses an answer", bool(planned.refused_answers)),
        ("closes an issue", bool(planned.closed)),
        ("writes nothing", not planned.writes),
    ):
        if so:
            yield said


@contextmanager
def branches(untaken: list[str]) -> Iterator[None]:
    """Watch meanwhile which branches of the core are taken; those that never were are listed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(CORE / f"{name}.py") for name in WAYS]
        watching = coverage.Coverage(
            data_file=None, branch=True, include=files, config_file=False, concurrency=["greenlet"]
        )
        with watching.collect():
            yield
        report = Path(folder) / "branches.json"
        watching.json_report(outfile=str(report))
        untaken.extend(_untaken(json.loads(report.read_text(encoding="utf-8"))))


def _untaken(report: Any) -> Iterable[str]:
    """Each branch that was not taken, with its line; and how many there are of each file."""
    for path, found in sorted(report["files"].items()):
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        yield f"{Path(path).name}: {found['summary']['covered_branches']} of {found['summary']['num_branches']} taken"
        for start, end in found["missing_branches"]:
            where = "the end" if end < 0 else f"{end}: {lines[end - 1].strip()}"
            yield f"    {start}: {lines[start - 1].strip()} -> {where}"
