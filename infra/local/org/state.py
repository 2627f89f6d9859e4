"""The org: everything it holds, and what happens when a transaction commits."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from infra.local.org import automation
from infra.local.org.clock import Clock
from infra.local.org.configuration import Configuration
from infra.local.org.dml import Operation, save
from infra.local.org.duplicates import DuplicateRule
from infra.local.org.events import Events
from infra.local.org.faults import Effects, Faults
from infra.local.org.flows import Flow, run_flows
from infra.local.org.ids import IdFactory, to18
from infra.local.org.journal import Journal, replay, rows_line
from infra.local.org.locks import LockTable
from infra.local.org.outbound import Outbound
from infra.local.org.schema import Schema
from infra.local.org.settings import Settings
from infra.local.org.stats import Stats
from infra.local.org.store import BinEntry, Row, Store
from infra.local.org.transactions import Saved, Transaction
from infra.local.org.users import Session, Tokens, User, user_row
from infra.local.org.validation import ValidationRule

ORG_ID = to18("00Dxx0000001gPF")
API_VERSIONS = tuple(range(59, 69))


class Org:
    """One simulated org with its whole state in memory.

    Args:
        configuration: the state to start with.
        journal: what an earlier process left, which this one goes on with.
    """

    def __init__(self, configuration: Configuration, journal: Journal | None = None) -> None:
        self.configuration = configuration
        self.journal = journal or Journal()
        self.tasks: set[asyncio.Task[None]] = set()
        self.tokens = Tokens()
        self.settings = Settings()
        self.clock = Clock()
        self.outbound = Outbound(self)
        self.events = Events(self)
        self._start()
        for line in self.journal.lines():
            replay(self, line)
        self.journal.open()

    def resume(self) -> None:
        """Deliver what an earlier process has not delivered."""
        self.outbound.resume()
        self.events.resume()

    def _start(self) -> None:
        self.settings.__init__()  # type: ignore[misc]  # the one object is shared
        self.settings.update(self.configuration.settings)
        self.clock.offset = self.settings.clock_offset_seconds
        self.org_id = ORG_ID
        self.ids = IdFactory()
        self.schema = Schema()
        self.store = Store(self.schema, self._note_rows)
        self.locks = LockTable()
        self.faults = Faults()
        self.stats = Stats()
        self.automation: list[automation.Rule] = []
        self.validation_rules: dict[str, list[ValidationRule]] = {}
        self.flows: list[Flow] = []
        self.duplicate_rules: list[DuplicateRule] = []
        self.open_stamps: dict[Transaction, str] = {}
        self.running_calls: dict[object, float] = {}
        self.cursors: dict[str, Any] = {}
        self.jobs: dict[str, Any] = {}
        self.auto_number = 1000
        self.apps = list(self.configuration.apps)
        self.users: dict[str, User] = {}
        for raw in self.configuration.objects:
            self.schema.define(raw)
        for user in self.configuration.users(self.ids):
            self.add_user(user)
        self._add_organization()
        self.outbound.start(self.configuration.outbound_messages)
        self.events.start(self.configuration.events)

    def reset(self) -> None:
        """Go back to the state at start; running deliveries stop, hanging calls are let go."""
        self.faults.clear()
        for task in tuple(self.tasks):
            task.cancel()
        self.outbound.stop()
        self.events.stop()
        self.tokens.expired.clear()
        self.journal.clear()
        self._start()

    def _note_rows(self, rows: dict[str, Row | None], entries: dict[str, BinEntry | None]) -> None:
        self.journal.note(**rows_line(rows, entries))

    def keep(self) -> None:
        """Write what was noted since the last time to the journal, and how far the ids have come."""
        self.journal.note(serials=self.ids.serials, auto=self.auto_number)
        self.journal.flush()

    def add_user(self, user: User) -> None:
        """Add a user, with a row of the User object."""
        self.users[user.name] = user
        profile = to18("00exx000001mXPP")
        self.store.table("User").replace(user.user_id, user_row(user, self.clock.stamp(), profile))

    def _add_organization(self) -> None:
        admin = next(iter(self.users.values())).user_id
        stamp = self.clock.stamp()
        row = dict.fromkeys(self.schema.objects["Organization"].fields)
        row |= {"Id": ORG_ID, "IsDeleted": False, "CreatedDate": stamp, "LastModifiedDate": stamp}
        row |= {"SystemModstamp": stamp, "CreatedById": admin, "LastModifiedById": admin}
        row |= {"Name": "Simulated Org", "IsSandbox": self.configuration.sandbox, "InstanceName": "XX1"}
        row |= {"OrganizationType": "Developer Edition", "TimeZoneSidKey": "UTC", "DefaultLocaleSidKey": "en_US"}
        self.store.table("Organization").replace(ORG_ID, row)

    @asynccontextmanager
    async def transaction(
        self, session: Session, effects: Effects, outer: Transaction | None = None
    ) -> AsyncIterator[Transaction]:
        """A transaction that commits when the block ends well; within an outer one it is that one."""
        if outer is not None:
            yield outer
            return
        tx = Transaction(self, session, effects, self.settings.commit_ms / 1000)
        try:
            yield tx
            await tx.commit()
        finally:
            tx.end()

    def committed(self, tx: Transaction, saved: list[Saved]) -> None:
        """Tell everything that follows a commit: outbound messages, change events, asynchronous automation."""
        for change in saved:
            if change.kind != "NONE":
                self.stats.records[change.kind.lower()] += 1
        self.outbound.enqueue(saved)
        self.events.captured(tx, saved)
        run_flows(self, saved)
        if not tx.automated:
            for rule in self.automation:
                if rule.timing == "async":
                    self._schedule(rule, tx, saved)

    def _schedule(self, rule: automation.Rule, tx: Transaction, saved: list[Saved]) -> None:
        user = self.users.get(rule.user or "automation") or tx.session.user
        session = Session(user, "automation")
        for change in saved:
            about = change.object_name == rule.object_name and change.kind in {"CREATE", "UPDATE"}
            if about and change.after and rule.fires(change.before, change.after):
                self.spawn(self._run_async(rule, session, change.record_id))

    async def _run_async(self, rule: automation.Rule, session: Session, record_id: str) -> None:
        await asyncio.sleep(rule.delay_seconds)
        row = self.store.get(record_id)
        if row is None or row["IsDeleted"]:
            return
        async with self.transaction(session, Effects()) as tx:
            tx.automated = True
            kind = self.schema.objects[rule.object_name]
            operation = Operation("update", kind, record_id, {rule.target: rule.result(row)})
            outcomes = await save(tx, [operation])
        self.stats.records["async automation refused" if outcomes[0].error else "async automation"] += 1

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background until it ends or the org is reset."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task
