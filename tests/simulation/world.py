"""A small world under a seeded scheduler: users on both sides, messages, workers that overlap, crash and time out.

Everything that the project owns is the real code; only the two systems, the ledger's table and the queue are in
memory. One seed replays a run exactly.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

from chalicelib.core.errors import Parked, RecordLocked
from chalicelib.core.ledger import Answer, IssueKind
from chalicelib.core.mapping import Field as MappedField
from chalicelib.core.mapping import Kind, Mappings, ObjectMapping, OnDelete, Policy, Unit
from chalicelib.core.model import Change, Hint, Record, RowId, SalesforceId, Side, Value
from chalicelib.core.settle import Settler
from chalicelib.core.work import Outcome, Result
from chalicelib.core.writing import Limits
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.fakes.ledger import MemoryLedger
from tests.fakes.records import MemoryRecords, Transaction
from tests.fakes.rows import Captured, MemoryRows
from tests.simulation import habits
from tests.simulation.ports import SwitchingPort

ORG = "00D000000000001EAA"
TABLE, OBJECT = "public.account", "Account"
LEASE = 6.0  # seconds
VISIBILITY = 6.5  # seconds after a worker's end; the real one outlasts function time-out and lease together
FIELDS = ("Name", "Phone", "City", "Zip")
CODE = "Code"
TWINS = "twins"


def mappings(
    policy: Policy = Policy.HOLD, on_delete: OnDelete = OnDelete.PROPAGATE, *, match: bool = False
) -> Mappings:
    """One object with two plain fields and one field group; where records are matched, by a field that nobody edits."""
    by = (CODE,) if match else ()
    fields = tuple(MappedField(name, name.lower(), Kind.TEXT, "text") for name in (*FIELDS, *by))
    units = (Unit("Name", ("Name",), policy), Unit("Phone", ("Phone",), policy), Unit("place", ("City", "Zip"), policy))
    every = (*units, *(Unit(name, (name,), policy) for name in by))
    return Mappings(
        (ObjectMapping("account", OBJECT, TABLE, ("id",), ("bigint",), fields, every, on_delete=on_delete, match=by),)
    )


T = TypeVar("T")


@dataclass(frozen=True)
class Weather:
    """How rough a run is.

    Attributes:
        policy: of every unit.
        apex: whether Salesforce is written by the Apex writer.
        deletes: whether users delete, undelete and insert.
        crash: chance of a crash at each step of a worker.
        fault: chance that a call gets no answer.
        lost: chance that a message from Salesforce is lost.
        slow: chance that a user's save in Salesforce commits later than it was stamped.
        long_save: seconds that such a save takes at most.
        answers: whether an operator answers conflicts during the run.
        automation: whether the two systems change what is written.
        refusals: whether the two systems refuse some values, until the end of the run.
        filled: how many records both sides have when the sync begins, to be matched by their code; one code more is
            that of two rows and a record.
    """

    policy: Policy = Policy.HOLD
    apex: bool = True
    deletes: bool = False
    crash: float = 0.04
    fault: float = 0.02
    lost: float = 0.15
    slow: float = 0.0
    long_save: float = 0.0
    answers: bool = True
    automation: bool = False
    refusals: bool = False
    filled: int = 0


@dataclass
class Worker:
    """A Lambda invocation with its messages."""

    hints: list[Hint]
    body: greenlet


class BrokenPromise(AssertionError):
    """A guarantee did not hold."""


@dataclass
class World:
    """See the module."""

    seed: int
    weather: Weather
    story: list[str] = field(default_factory=list)
    trace: bool = False

    def __post_init__(self) -> None:
        """Build the systems and the first records."""
        self.random = random.Random(self.seed)  # noqa: S311 - a simulation
        self.clock = FakeClock()
        self.mappings = mappings(self.weather.policy, match=self.weather.filled > 0)
        self.ledger = MemoryLedger()
        self.rows = MemoryRows(self.mappings, self.clock)
        self.records = MemoryRecords(self.clock, apex=self.weather.apex)
        self.sent = MemoryHints()
        self.queue: list[Hint] = []
        self.hidden: list[tuple[float, Hint]] = []  # messages that come again, and when
        self.unsent: list[SalesforceId] = []  # outbound messages that carry whatever is there when they are sent
        self.workers: list[Worker] = []
        self.saves: list[tuple[float, Transaction, Callable[[], None]]] = []
        self.parents: dict[str, set[str]] = {}  # each value that a user wrote, and what it replaced
        self.stale: list[str] = []  # values that the sync wrote over others that they do not descend from
        self.decided: set[tuple[str, str]] = set()  # loser and winner, as an operator decided
        self.judged: dict[str, float] = {}
        self.shown: dict[str, dict[str, Value]] = {}  # Salesforce records as last committed
        self.excused: set[str] = set()
        self.edits = 0
        self.counts: dict[str, int] = {}
        self.calm = False
        self.scheduler = getcurrent()
        self.rows.listeners.append(self._captured)
        self.records.listeners.append(self._saved)
        self.strict = self.weather.refusals
        if self.weather.automation:
            habits.install_automation(self.rows, self.records, self.random)
        if self.weather.refusals:
            habits.install_refusals(self.rows, self.records, self.random, lambda: self.strict)
        self.settler = Settler(
            mappings=self.mappings,
            ledger=self._switching(self.ledger),
            rows=self._switching(self.rows),
            records=self._switching(self.records),
            hints=self.sent,
            clock=self.clock,
            organization_id=ORG,
            limits=Limits(lease=LEASE, margin=1.0, rounds=5),
        )
        self.mapping: ObjectMapping = self.mappings.mappings[0]

    def _switching(self, port: object) -> SwitchingPort:
        return SwitchingPort(port, self._pause, self._fault)

    # --- the scheduler's hooks

    def _pause(self, name: str) -> None:
        current = getcurrent()
        if current is not self.scheduler:
            self.counts[name] = self.counts.get(name, 0) + 1
            self.scheduler.switch()

    def _fault(self, name: str) -> bool:
        worker = getcurrent() is not self.scheduler
        return worker and not self.calm and self.random.random() < self.weather.fault

    def tell(self, line: str) -> None:
        """Add a line to the story of the run."""
        if self.trace:
            self.story.append(f"{self.clock.now() % 10000:9.2f}  {line}")

    # --- messages

    def _captured(self, captured: Captured) -> None:
        self.queue.append(captured.hint)
        if captured.origin is not None:
            self.tell(f"sync in Postgres: {captured.hint.identity} {captured.old} -> {captured.new}")
        if captured.origin is not None and captured.old and captured.new:
            self._judge("Postgres", captured.old, captured.new)

    def ancestry(self, value: object) -> set[str]:
        """A value and all that it replaced, directly or not."""
        found: set[str] = set()
        chain = [] if value is None else [habits.plain(value)]
        while chain:
            known = chain.pop()
            if known not in found:
                found.add(known)
                chain.extend(self.parents.get(known, ()))
        return found

    def _judge(self, side: str, old: Mapping[str, object], new: Mapping[str, object]) -> None:
        """A write of the sync may only replace what its value descends from (or what a policy let lose)."""
        if self.weather.policy is not Policy.HOLD:
            return
        for name, after in new.items():
            before = old.get(name)
            loser, winner = habits.plain(before), habits.plain(after)
            if before is None or loser == winner or loser in self.excused or (loser, winner) in self.decided:
                continue
            if loser not in self.ancestry(after):
                self.stale.append(f"{side} {name}: {before} <- {after}")

    def _judge_issues(self) -> None:
        """A conflict is of two edits that do not follow one another."""
        for issue in self.ledger.issues.values():
            if issue.kind is not IssueKind.CONFLICT or issue.closed_at or self.judged.get(issue.id) == issue.updated_at:
                continue
            self.judged[issue.id] = issue.updated_at
            if issue.text:
                continue  # half of a person's answer, which descends from both: the other side refuses its half
            for name in issue.fields:
                postgres, salesforce = issue.postgres.get(name), issue.salesforce.get(name)
                if None in {postgres, salesforce} or postgres == salesforce:
                    continue
                base = issue.base.get(name)
                if self.weather.automation and base and habits.plain(base) in map(habits.plain, (postgres, salesforce)):
                    # A crash hid who made a form, and a user has saved since: it counts as that user's edit.
                    self.counts["unattributed forms"] = self.counts.get("unattributed forms", 0) + 1
                    continue
                mine, theirs = self.ancestry(postgres), self.ancestry(salesforce)
                if habits.plain(postgres) in theirs or habits.plain(salesforce) in mine:
                    self.stale.append(f"no conflict: {name} {postgres} and {salesforce} follow one another")

    def _saved(self, identity: SalesforceId, change: Change, record: Record) -> None:
        if record.ours:
            self.tell(f"sync in Salesforce: {identity.id} {change} {dict(record.values)}")
            self._judge("Salesforce", self.shown.get(identity.id, {}), record.values)
        self.shown[identity.id] = dict(record.values)
        if change in {Change.DELETED, Change.UNDELETED}:
            if self.random.random() >= self.weather.lost:
                self.edits += 1
                self.queue.append(Hint(identity, change, f"cdc-{self.edits}-{self.clock.new_id()}"))
        elif self.random.random() >= self.weather.lost:
            self.unsent.append(identity)

    def deliver(self) -> None:
        """Send an outbound message: it carries the record as it is now."""
        if not self.unsent:
            return
        identity = self.unsent.pop(self.random.randrange(len(self.unsent)))
        record = self.records.peek(identity.id)
        if record is not None and not record.deleted:
            hint = Hint(identity, Change.UPDATED, f"om-{self.clock.new_id()}", record=record)
            self.queue.append(hint)
            if self.random.random() < 0.1:
                self.queue.append(hint)

    # --- workers

    def start_worker(self) -> None:
        """A worker takes up to three messages, in any order."""
        taken = [self.queue.pop(self.random.randrange(len(self.queue))) for _ in range(min(3, len(self.queue)))]
        if not taken:
            return
        outcomes: list[Outcome] = []

        def work() -> None:
            outcomes.extend(self.settler.settle(taken))
            for outcome in outcomes:
                self.tell(f"worker: {outcome.hint.identity} {outcome.result} {outcome.error or ''}")
                self.counts[outcome.result] = self.counts.get(outcome.result, 0) + 1
                if outcome.result is Result.HALTED:
                    raise BrokenPromise(f"halted: {outcome.error}")
                if not outcome.acknowledged:
                    self.hidden.append((self.clock.now() + (outcome.after or 0.0), replace(outcome.hint, record=None)))
            self.queue.extend(self.sent.take())

        self.workers.append(Worker(taken, greenlet(work, parent=self.scheduler)))

    def step(self, worker: Worker) -> None:
        """Let a worker go on to its next call."""
        worker.body.switch()
        self._judge_issues()
        if worker.body.dead:
            self.workers.remove(worker)

    def crash(self, worker: Worker) -> None:
        """A worker dies: its messages come back."""
        self.tell(f"crash of a worker with {len(worker.hints)} messages")
        worker.body.throw(GreenletExit)
        self.workers.remove(worker)
        self.hidden.extend((self.clock.now() + VISIBILITY, hint) for hint in worker.hints)

    def reappear(self) -> None:
        """Messages whose time has come are in the queue again."""
        due = [item for item in self.hidden if item[0] <= self.clock.now()]
        self.hidden = [item for item in self.hidden if item[0] > self.clock.now()]
        self.queue.extend(hint for _, hint in due)

    # --- users

    def fresh(self) -> str:
        """A value that nobody wrote before."""
        self.edits += 1
        return f"v{self.edits}"

    def _values(self, before: dict[str, Value]) -> dict[str, Value]:
        chosen = self.random.sample(FIELDS, self.random.choice((1, 1, 1, 2)))
        if {"City", "Zip"} & set(chosen):
            chosen = sorted({*chosen, "City", "Zip"})
        values: dict[str, Value] = {name: self.fresh() for name in chosen}
        for name, value in values.items():
            was = before.get(name)
            self.parents[str(value)] = set() if was is None else {habits.plain(was)}
        return values

    def _try(self, values: dict[str, Value], edit: Callable[[], T]) -> T | None:
        """An edit of a user, who is told at once when it is refused or the record is locked."""
        try:
            return edit()
        except (Parked, RecordLocked):
            for value in values.values():
                del self.parents[str(value)]
            return None

    def edit_postgres(self) -> None:
        """A user updates a row."""
        rows = self.rows.rows(TABLE)
        if rows:
            pk = self.random.choice(sorted(rows))
            values = self._values(dict(rows[pk].values))
            self.tell(f"user in Postgres: {pk} {values}")
            self._try(values, lambda: self.rows.edit(TABLE, pk, values))

    def edit_salesforce(self) -> None:
        """A user saves a record; a slow save takes its stamp now and commits later."""
        records = self.records.all(OBJECT)
        if not records:
            return
        record = self.random.choice(records)
        values = self._values(dict(record.values))
        save = self._try(values, lambda: self.records.begin(OBJECT, record.id, values))
        if save is None:
            return
        takes = self.random.random() * self.weather.long_save if self.random.random() < self.weather.slow else 0.0
        self.tell(f"user in Salesforce: {record.id} {values} takes {takes:.1f} s")
        if takes:
            self.saves.append((self.clock.now() + takes, save, save.commit))
        else:
            save.commit()

    def insert_postgres(self) -> None:
        """A user inserts a row."""
        values = self._values({})
        self.tell(f"user in Postgres inserts {values}")
        self._try(values, lambda: self.rows.insert(TABLE, values))

    def insert_salesforce(self) -> None:
        """A user makes a record."""
        values = self._values({})
        self.tell(f"user in Salesforce creates {values}")
        self._try(values, lambda: self.records.add(OBJECT, {**dict.fromkeys(self.mapping.names), **values}))

    def _forget(self, values: dict[str, Value]) -> None:
        for value in values.values():
            self.excused |= self.ancestry(value)

    def delete_postgres(self) -> None:
        """A user deletes a row."""
        rows = self.rows.rows(TABLE)
        if rows:
            pk = self.random.choice(sorted(rows))
            self.tell(f"user in Postgres deletes {pk}")
            self._forget(dict(rows[pk].values))
            self.rows.delete(TABLE, pk)

    def delete_salesforce(self) -> None:
        """A user deletes a record, or takes one out of the recycle bin."""
        everything = self.records.all(OBJECT, deleted=True)
        if not everything:
            return
        record = self.random.choice(everything)
        try:
            if record.deleted:
                self.records.undelete(OBJECT, record.id)
            else:
                self.records.delete(OBJECT, record.id)
                self._forget(dict(record.values))
        except (Parked, RecordLocked):
            return
        self.tell(f"user in Salesforce {'undeletes' if record.deleted else 'deletes'} {record.id}")

    def answer(self) -> None:
        """An operator answers a conflict with one of its values, or with a new one."""
        waiting = [(key, unit) for key, entry in sorted(self.ledger.entries.items()) for unit in sorted(entry.issues)]
        waiting = [(key, unit) for key, unit in waiting if unit in self.mapping.by_unit]
        if not waiting:
            return
        key, unit = self.random.choice(waiting)
        shown = self.ledger.entries[key].issues[unit]
        postgres, salesforce = shown.postgres, shown.salesforce
        if postgres is None or salesforce is None:
            return
        fields = self.mapping.by_unit[unit].fields
        value = self.random.choice((postgres, salesforce, None))
        if value is None:
            value = tuple(self.fresh() for _ in fields)
            self.excused.update(value)  # an answer that comes too late is refused, and lost by design
        for new, *old in zip(value, postgres, salesforce, strict=True):
            seen = {habits.plain(v) for v in old if v is not None and v != new}
            self.parents.setdefault(habits.plain(new), seen)
            self.decided |= {(loser, habits.plain(new)) for loser in seen}
        self.tell(f"operator answers {unit} of {key} with {value}")
        answer = Answer(self.clock.new_id(), value, postgres, salesforce, "operator")  # type: ignore[arg-type]
        self.ledger.answer(key, unit, answer)
        self.touch(key)

    def expendable(self) -> set[str]:
        """Values that nobody needs to find: deleted by a user who saw them, or refused answers."""
        return self.excused

    def touch(self, key: str) -> None:
        """Have a record settled."""
        entry = self.ledger.entries[key]
        if entry.pk is not None:
            self.queue.append(Hint(RowId(TABLE, entry.pk), Change.UPDATED, f"touch-{self.clock.new_id()}"))
        elif entry.sfid is not None:
            self.queue.append(Hint(SalesforceId(OBJECT, entry.sfid), Change.UPDATED, f"touch-{self.clock.new_id()}"))

    # --- the run

    def run(self) -> None:
        """Storm, then calm; then the promises are checked by the caller."""
        self.insert_salesforce()
        self.insert_postgres()
        self.fill()
        for _ in range(self.random.randint(100, 250)):
            self._happening()
        self.calm = True
        for _, save, commit in self.saves:
            del save
            commit()
        self.saves.clear()
        while self.workers:
            self.step(self.workers[0])
        self.drain()
        if self.strict:
            self.forgive()

    def fill(self) -> None:
        """Users have kept both sides for years; every message about it comes while they go on."""
        codes = [f"c{number}" for number in range(1, self.weather.filled + 1)]
        halves = [(side, code) for code in codes for side in Side]
        if self.weather.filled:
            halves += [(Side.POSTGRES, TWINS), (Side.POSTGRES, TWINS), (Side.SALESFORCE, TWINS)]
        self.random.shuffle(halves)
        for side, code in halves:
            self.parents.setdefault(code, set())
            values = self._values({}) | {CODE: code}
            if side is Side.POSTGRES:
                self.rows.insert(TABLE, values)
            else:
                self.records.add(OBJECT, {**dict.fromkeys(self.mapping.names), **values})

    def forgive(self) -> None:
        """The rules that refused values go, and an operator has every parked write tried again."""
        self.strict = False
        for key, entry in list(self.ledger.entries.items()):
            if entry.refusals:
                self.ledger.clear_refusals(key)
                self.touch(key)
        self.drain()

    def _happening(self) -> None:
        self.clock.advance(self.random.random() * 0.25)
        self.reappear()
        for due in [item for item in self.saves if item[0] <= self.clock.now()]:
            self.saves.remove(due)
            due[2]()
        dice = self.random.random()
        if dice < 0.10:
            self.edit_postgres() if self.random.random() < 0.5 else self.edit_salesforce()
        elif dice < 0.13 and self.weather.deletes:
            self.random.choice(
                (self.delete_postgres, self.delete_salesforce, self.delete_salesforce, self.insert_postgres)
            )()
        elif dice < 0.15 and self.weather.answers:
            self.answer()
        elif dice < 0.20:
            self.deliver()
        elif dice < 0.32 and self.queue and len(self.workers) < 3:
            self.start_worker()
        elif self.workers:
            worker = self.random.choice(self.workers)
            self.step(worker)
            if worker in self.workers and self.random.random() < self.weather.crash:
                self.crash(worker)

    def drain(self) -> None:
        """Deliver everything, sweep where messages may have been lost, and settle until nothing is left."""
        self.clock.advance(60.0)
        if self.weather.lost:
            self.sweep()
        for _ in range(600):
            while self.unsent:
                self.deliver()
            if not self.queue and not self.hidden:
                return
            self.clock.advance(1.1)
            self.reappear()
            self.start_worker()
            while self.workers:
                self.step(self.workers[0])
        raise BrokenPromise("messages go round for ever")

    def sweep(self) -> None:
        """Have every record settled."""
        for record in self.records.all(OBJECT, deleted=True):
            self.queue.append(Hint(SalesforceId(OBJECT, record.id), Change.UPDATED, f"sweep-{self.clock.new_id()}"))
        for pk in self.rows.rows(TABLE):
            self.queue.append(Hint(RowId(TABLE, pk), Change.UPDATED, f"sweep-{self.clock.new_id()}"))
