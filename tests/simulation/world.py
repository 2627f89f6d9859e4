"""A small world under a seeded scheduler: users on both sides, messages, workers that overlap, crash and time out.

Everything that the project owns is the real code; only the two systems, the ledger's table and the queue are in
memory. One seed replays a run exactly.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from chalicelib.core.model import Change, Hint, Record, RowId, RowState, SalesforceId, Side
from chalicelib.core.ports import Kept, WriteKind
from chalicelib.core.settle import Settler
from chalicelib.core.work import WAKE, Outcome, Result
from chalicelib.core.writing import Limits
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import MemoryLedger
from tests.fakes.records import MemoryRecords
from tests.fakes.rows import Captured, MemoryRows
from tests.simulation import habits
from tests.simulation.faults import FAULTS, SwitchingPort
from tests.simulation.fences import Fences
from tests.simulation.lineage import Lineage, Seen
from tests.simulation.people import People
from tests.simulation.post import Post
from tests.simulation.sample import ACCOUNT, CONTACT, PARENT, mappings
from tests.simulation.weathers import Weather

ORG = "00D000000000001EAA"
LEASE = 6.0  # seconds
MARGIN = 1.0  # seconds; twice the skew of a clock fits in
MOST_WORKERS = 3


class BrokenPromise(AssertionError):
    """A guarantee did not hold."""


@dataclass
class SkewedClock:
    """The clock of one worker's machine."""

    clock: FakeClock
    off: float

    def now(self) -> float:
        """See the port."""
        return self.clock.now() + self.off

    def sleep(self, seconds: float) -> None:
        """See the port."""
        self.clock.sleep(seconds)

    def new_id(self) -> str:
        """See the port."""
        return self.clock.new_id()


@dataclass
class Worker:
    """A Lambda invocation with its messages; also the stage of its ports.

    Attributes:
        world: where it runs.
        hints: its messages.
        seen: the tags of what it has read.
        body: its code.
        began: when it took them.
    """

    world: "World"
    hints: list[Hint]
    began: float
    seen: Seen = field(default_factory=dict)
    body: Any = None

    def pause(self, call: str) -> None:
        """Let others go on."""
        self.world.count(call)
        self.world.scheduler.switch()

    def fault(self, port: str, method: str) -> str:
        """The fault of a call, if it is to have one."""
        world = self.world
        if world.calm or world.random.random() >= world.weather.fault:
            return ""
        fault = world.random.choice(FAULTS[port])
        if fault == "late" and method != "write":
            fault = "nothing"
        world.count(f"fault {port} {fault}")
        return fault

    def later(self, effect: Callable[[], object], args: tuple[Any, ...]) -> None:
        """An effect that its client does not wait for any more."""
        world = self.world
        creates = any(getattr(one, "kind", None) is WriteKind.CREATE for one in args[0])

        def land() -> None:
            world.lineage.late_creations += creates
            world.lineage.late = True
            try:
                effect()
            finally:
                world.lineage.late = False

        world.saves.append((world.clock.now() + world.random.random() * world.weather.lateness * LEASE, land))

    def effect(self, port: str, method: str, call: Callable[[], Any], args: tuple[Any, ...]) -> Any:
        """An effect; what it read, and what it wrote into the ledger, is noted."""
        with self.world.lineage.by_worker(self.seen):
            answer = call()
        if port in {"rows", "records"} and method in {"read", "match"}:
            self._note(answer)
        elif port == "ledger" and method == "write":
            forms = self.world.weather.automation
            for change, outcome in zip(args[0], answer, strict=True):
                if isinstance(outcome, Kept):
                    self.world.lineage.remembered(change, self.seen, forms=forms)
        return answer

    def _note(self, answer: Any) -> None:
        for found in answer:
            for one in found if isinstance(found, list) else [found]:
                if isinstance(one, RowState) and one.row is not None:
                    self.world.lineage.read(self.seen, Side.POSTGRES, one.row.pk[0], one.row.values)
                elif isinstance(one, Record):
                    self.world.lineage.read(self.seen, Side.SALESFORCE, one.id, one.values)
                elif not isinstance(one, RowState) and one is not None:
                    self.world.lineage.read(self.seen, Side.POSTGRES, one.pk[0], one.values)

    def work(self) -> None:
        """Settle, and answer each message."""
        world = self.world
        for hint in self.hints:
            for at, tag in world.sent_messages.get(hint.hint_id, {}).items():
                self.seen[at] = max(tag, self.seen.get(at, 0))  # of two messages that say the same, the later one
        for outcome in world.settler_of(self).settle(self.hints):
            self._answered(outcome)

    def _answered(self, outcome: Outcome) -> None:
        world = self.world
        world.tell(f"worker: {outcome.hint.identity} {outcome.result} {outcome.error or ''}")
        world.count(f"result {outcome.result}")
        if outcome.result is Result.HALTED:
            raise BrokenPromise(f"halted: {outcome.error}")
        if not outcome.acknowledged:
            world.post.come_again([outcome.hint], outcome.after or 0.0)


class World:
    """See the module.

    Args:
        seed: of everything that happens by chance.
        weather: how rough it is.
        trace: whether to tell the story.
        most: happenings before the calm, for a shorter run of the same schedule; None: as many as the seed says.
    """

    def __init__(self, seed: int, weather: Weather, *, trace: bool = False, most: int | None = None) -> None:
        self.seed, self.weather, self.trace, self.most = seed, weather, trace, most
        self.story: list[str] = []
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self.clock = FakeClock()
        self.mappings = mappings(
            weather.policy,
            weather.on_delete,
            match=weather.filled > 0,
            family=weather.family,
            circles=weather.circles,
        )
        self.ledger = MemoryLedger()
        self.rows = MemoryRows(self.mappings, self.clock)
        self.records = MemoryRecords(self.clock, apex=weather.apex)
        self.lineage = Lineage()
        self.people = People(self)
        self.post = Post(self)
        self.sent_messages: dict[str, Seen] = {}  # the tags of what outbound messages carry
        self.workers: list[Worker] = []
        self.saves: list[tuple[float, Callable[[], object]]] = []  # what commits, or lands, later
        self.shown: dict[str, dict[str, object]] = {}  # Salesforce records as last committed
        self.counts: dict[str, int] = {}
        self.events = 0  # happenings, and steps of workers
        self.happenings = 0
        self.calm = False
        self.scheduler = getcurrent()
        self.rows.listeners.append(self._captured)
        self.records.listeners.append(self._saved)
        self.strict = weather.refusals
        self.fences = Fences(self)
        if weather.fenced:
            self.fences.put_up()
        if weather.family:
            self.records.parents = {CONTACT: {PARENT: ACCOUNT}}
        if weather.clans:
            self.records.details = {CONTACT: {PARENT}}
        if weather.circles:
            self.records.parents[ACCOUNT] = {PARENT: ACCOUNT}
        if weather.hidden:
            self.records.hidden = {ACCOUNT: {weather.hidden}}
        if weather.automation:
            habits.install_automation(self.rows, self.records, self.random)
        if weather.refusals:
            habits.install_refusals(self.rows, self.records, self.random, lambda: self.strict)

    def settler_of(self, worker: Worker) -> Settler:
        """The settle step as one worker runs it."""
        off = self.random.uniform(-self.weather.skew, self.weather.skew)
        ports: dict[str, Any] = {
            name: SwitchingPort(name, port, worker)
            for name, port in (
                ("ledger", self.ledger),
                ("rows", self.rows),
                ("records", self.records),
                ("hints", Posting(self.post)),
            )
        }
        limits = Limits(lease=LEASE, margin=MARGIN, rounds=5)
        clock = SkewedClock(self.clock, off)
        return Settler(mappings=self.mappings, clock=clock, organization_id=ORG, limits=limits, **ports)

    # --- what is told

    def tell(self, line: str) -> None:
        """Add a line to the story of the run."""
        if self.trace:
            self.story.append(f"{self.clock.now() % 10000:9.2f}  {line}")

    def count(self, what: str) -> None:
        """One more of these."""
        self.counts[what] = self.counts.get(what, 0) + 1

    # --- commits

    def _fenced(self, side: Side, id_: str) -> None:
        writer = next((worker for worker in self.workers if worker.body is getcurrent()), None)
        if writer is not None:
            self.fences.wrote(side, id_, by=writer.began)

    def _captured(self, captured: Captured) -> None:
        identity = captured.hint.identity
        id_ = identity.key[0] if isinstance(identity, RowId) else ""
        if (Side.POSTGRES, id_) not in self.fences.outside:
            self.post.outbox.append(captured)
        if captured.origin is not None:
            self._fenced(Side.POSTGRES, id_)
            self.tell(f"sync in Postgres: {identity} {dict(captured.old)} -> {dict(captured.new)}")
        if captured.hint.change is Change.DELETED:
            self.lineage.removed(Side.POSTGRES, id_, captured.old)
        else:
            self.lineage.committed(Side.POSTGRES, id_, captured.old, captured.new, judge=self._judges)

    def _saved(self, identity: SalesforceId, change: Change, record: Record) -> None:
        if record.ours:
            self._fenced(Side.SALESFORCE, identity.id)
            self.tell(f"sync in Salesforce: {identity.id} {change} {dict(record.values)}")
        before = self.shown.get(identity.id, {})
        if identity.id in self.records.swept:  # between the look for children and the delete: see its time line
            self.records.swept.discard(identity.id)
            self.count("swept along")
        if change is Change.DELETED:
            self.lineage.removed(Side.SALESFORCE, identity.id, before)
        self.lineage.committed(Side.SALESFORCE, identity.id, before, record.values, judge=self._judges)
        self.shown[identity.id] = dict(record.values)
        self.post.announce(identity, change)

    @property
    def _judges(self) -> bool:
        """Where a policy lets one side win, an edit may be overwritten; it is kept in the history."""
        return self.weather.policy.value == "hold"

    def as_read(self, identity: SalesforceId, record: Record) -> Seen:
        """The tags of a record as it is now."""
        seen: Seen = {}
        self.lineage.read(seen, Side.SALESFORCE, identity.id, record.values)
        return seen

    # --- workers

    def start_worker(self) -> None:
        """A worker takes some messages, in any order."""
        taken = self.post.take(self.weather.batch)
        if taken:
            worker = Worker(self, taken, self.clock.now())
            worker.body = greenlet(worker.work, parent=self.scheduler)
            self.workers.append(worker)

    def step(self, worker: Worker) -> None:
        """Let a worker go on to its next call."""
        self.events += 1
        worker.body.switch()
        if worker.body.dead:
            self.workers.remove(worker)

    def crash(self, worker: Worker) -> None:
        """A worker dies: its messages come back."""
        self.tell(f"crash of a worker with {len(worker.hints)} messages")
        self.count("crash")
        worker.body.throw(GreenletExit)
        self.workers.remove(worker)
        self.post.come_again(worker.hints, self.weather.visibility)

    # --- the run

    def run(self) -> None:
        """Storm, then calm; then the promises are checked by the caller."""
        self.people.insert_salesforce()
        if not self.weather.crowd:
            self.people.insert_postgres()
        self.people.fill()
        planned = self.random.randint(120, 260)
        self.happenings = planned if self.most is None else self.most
        for _ in range(self.happenings):
            self._happening()
            self.events += 1
        self.calm = True
        while self.workers:
            self.step(self.workers[0])
        self._land(all_of_it=True)
        self.fences.take_down()
        self.drain()
        self.people.part()
        self.drain()
        if self.strict:
            self.forgive()

    def forgive(self) -> None:
        """The rules that refused values go, and an operator has every parked write tried again."""
        self.strict = False
        for key, entry in list(self.ledger.entries.items()):
            if entry.refusals:
                self.ledger.clear_refusals(key)
                self.people.touch(key)
        self.drain()

    def _happening(self) -> None:
        self.clock.advance(self.random.random() * self.weather.pace)
        self.post.reappear()
        self._land()
        dice = self.random.random()
        if dice < self.weather.edits:
            self._edit()
        elif dice < 0.12:
            self._rarely()
        elif dice < 0.17:
            self.post.deliver()
        elif dice < 0.25:
            self.post.relay()
        elif dice < 0.36 and self.post.queue and len(self.workers) < MOST_WORKERS:
            self.start_worker()
        elif self.workers:
            worker = self.random.choice(self.workers)
            self.step(worker)
            if worker in self.workers and self.random.random() < self.weather.crash:
                self.crash(worker)

    def _edit(self) -> None:
        people = self.people
        if self.weather.nursery and self.random.random() < (0.4 if self.weather.clans else 0.7):
            people.family()
        elif self.random.random() < 0.5:
            people.edit_postgres()
        else:
            people.edit_salesforce()
        if self.weather.eager:
            self._hurry()
            if self.weather.fickle:
                self._hesitate()
            elif self.random.random() < 0.5:
                people.edit_postgres()
                self._hurry()

    def _hesitate(self) -> None:
        """A user edits again, and takes it back while a worker is about to write it; another one gets that message."""
        self._hurry(60)
        self.random.choice((self.people.edit_postgres, self.people.edit_salesforce))()
        self._hurry(self.random.randint(3, 6))
        self.people.take_back()
        self._hurry(60)

    def _hurry(self, steps: int | None = None) -> None:
        """The message of an edit is taken at once, by a worker that goes some way without a pause."""
        if len(self.workers) >= MOST_WORKERS:
            return
        self.post.deliver()
        for _ in range(3):
            self.post.relay()
        self.start_worker()
        worker = self.workers[-1] if self.workers else None
        for _ in range(steps or self.random.choice((0, 4, 9, 14, 20, 60))):
            if worker in self.workers and worker is not None:
                self.step(worker)

    def _rarely(self) -> None:
        people, weather = self.people, self.weather
        doings: list[Callable[[], None]] = []
        if weather.deletes:
            doings += [people.delete_postgres, people.delete_salesforce, people.delete_salesforce]
        if weather.deletes or weather.family:
            doings += [people.insert_postgres, people.insert_salesforce]
        if weather.answers:
            doings += [people.answer, people.answer, people.retry, people.revert, people.ignore]
        if weather.touches:
            doings.append(self.reconcile)
        if weather.fenced:
            doings += [self.fences.cross] * 3
        if weather.clans:
            doings += [people.merge, people.delete_clan] * 4
        if doings:
            self.random.choice(doings)()

    def reconcile(self) -> None:
        """A reconciliation, or a backfill, has some records settled that nobody changed."""
        self.count("reconciled")
        for mapping in self.mappings.mappings:
            for record in self.records.all(mapping.object)[:3]:
                name = f"reconcile-{self.clock.new_id()}"
                self.post.send(Hint(SalesforceId(mapping.object, record.id), Change.UPDATED, name))

    def _land(self, *, all_of_it: bool = False) -> None:
        """Users' slow saves commit, and requests land that nobody waits for."""
        due = [item for item in self.saves if all_of_it or item[0] <= self.clock.now()]
        self.saves = [item for item in self.saves if item not in due]
        for _, effect in sorted(due, key=lambda item: item[0]):
            effect()

    def drain(self) -> None:
        """Deliver everything, sweep where messages may have been lost, and settle until nothing is left."""
        self.clock.advance(60.0)
        if self.weather.lost:
            self.sweep()
        for _ in range(800):
            if self.post.all_sent():
                return
            self.clock.advance(1.1)
            self.post.reappear()
            self.start_worker()
            while self.workers:
                self.step(self.workers[0])
        raise BrokenPromise("messages go round for ever")

    def wake(self) -> None:
        """The sweeper looks after those who wait: a worker may have died before it removed what it had registered."""
        for waiter in list(self.ledger.waiting.values()):
            self.post.send(replace(waiter.hint, hint_id=f"{WAKE}due-{self.clock.new_id()}"))
        self.drain()

    def sweep(self) -> None:
        """Have every record settled."""
        for mapping in self.mappings.mappings:
            for record in self.records.all(mapping.object, deleted=True):
                name = f"sweep-{self.clock.new_id()}"
                self.post.send(Hint(SalesforceId(mapping.object, record.id), Change.UPDATED, name))
            for pk in self.rows.rows(mapping.table):
                self.post.send(Hint(RowId(mapping.table, pk), Change.UPDATED, f"sweep-{self.clock.new_id()}"))


@dataclass
class Posting:
    """The port ``Hints`` of a worker."""

    post: Post

    def send(self, hints: list[Hint]) -> None:
        """Into the queue."""
        self.post.send(*hints)
