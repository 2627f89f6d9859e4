"""Users, workers and messages in any order that Hypothesis thinks of, down to the shortest that breaks something."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chalicelib.core.errors import Throttled, Unavailable
from chalicelib.core.ledger import Answer
from chalicelib.core.model import Side
from chalicelib.core.ports import Kept, Stale
from tests.unit.core.scene import VISIBILITY, Pair, Scene

TEXTS = st.sampled_from(["new", "new", "a", None])  # a text that nobody wrote before, the first one, or nothing
NAMES = st.sampled_from(["Name", "Phone"])
CALLS = st.sampled_from(["ledger.write", "rows.write", "records.write", "records.read", "rows.read"])


class OneRecord(RuleBasedStateMachine):
    """One account that both sides have, and everybody who works on it; the ports are the ones in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.pair: Pair = self.scene.linked(Name="a", Phone="a")
        self.newest: dict[tuple[Side, str], str | None] = {}  # what the last user of a side wrote into a field
        self.made = 0

    @rule(name=NAMES, text=TEXTS)
    def edit_postgres(self, name: str, text: str | None) -> None:
        """A user's UPDATE."""
        if self.scene.row(self.pair) is not None:
            self.scene.edit_postgres(self.pair, **{name: self._text(Side.POSTGRES, name, text)})

    @rule(name=NAMES, text=TEXTS)
    def edit_salesforce(self, name: str, text: str | None) -> None:
        """A user's save."""
        if self.scene.in_salesforce(self.pair) is not None:
            self.scene.edit_salesforce(self.pair, **{name: self._text(Side.SALESFORCE, name, text)})

    @rule()
    def delete_postgres(self) -> None:
        """A user's DELETE."""
        if self.scene.row(self.pair) is not None:
            self.scene.delete_postgres(self.pair)
            self.newest.clear()

    @rule()
    def delete_salesforce(self) -> None:
        """A user moves the record to the bin."""
        if self.scene.in_salesforce(self.pair) is not None:
            self.scene.delete_salesforce(self.pair)
            self.newest.clear()

    @rule(count=st.integers(1, 3), last=st.booleans())
    def work(self, count: int, last: bool) -> None:
        """A worker takes some messages, the oldest ones or the newest."""
        taken = self.scene.take()
        now = taken[-count:] if last else taken[:count]
        self.scene.queue.extend(hint for hint in taken if hint not in now)
        if now:
            self._settle(now)

    @rule(ours=TEXTS, theirs=TEXTS, name=NAMES)
    def edit_both(self, ours: str | None, theirs: str | None, name: str) -> None:
        """Two users who know nothing of each other."""
        if self._there(Side.POSTGRES) and self._there(Side.SALESFORCE):
            texts = self._text(Side.POSTGRES, name, ours), self._text(Side.SALESFORCE, name, theirs)
            self.scene.edit_both(self.pair, {name: texts[0]}, {name: texts[1]})

    @rule()
    def work_all(self) -> None:
        """A worker takes every message."""
        if hints := self.scene.take():
            self._settle(hints)

    @precondition(lambda self: not any(self.scene.wire.before.values()) and not any(self.scene.wire.after.values()))
    @rule(call=CALLS, late=st.booleans())
    def break_a_call(self, call: str, late: bool) -> None:
        """The next call of a kind fails: before its effect, or after it."""
        if late:
            self.scene.wire.lose_answer(call, Unavailable("no answer"))
        else:
            self.scene.wire.fail(call, Throttled("slower", after=1.0))

    @precondition(lambda self: not any(self.scene.wire.before.values()))
    @rule(call=CALLS, side=st.sampled_from(Side), name=NAMES)
    def edit_meanwhile(self, call: str, side: Side, name: str) -> None:
        """A user edits while a worker is between two steps; then messages are worked off."""
        self.scene.wire.meanwhile(call, lambda: self._edit(side, name))
        self.work_all()

    @precondition(lambda self: self.scene.ledger.links)
    @rule(unit=NAMES, text=TEXTS, moved=st.booleans())
    def answer(self, unit: str, text: str | None, moved: bool) -> None:
        """An operator decides a conflict; sometimes a user edits before that is carried out."""
        entry = self.scene.entry(self.pair)
        if unit in entry.issues:
            kept = self.scene.answer(self.pair, unit, text)
            assert kept == (Stale() if unit in entry.answers else Kept())
            if moved and self.scene.row(self.pair) is not None:
                self.scene.edit_postgres(self.pair, **{unit: self._text(Side.POSTGRES, unit, "new")})

    @precondition(lambda self: self.scene.ledger.links)
    @rule(unit=NAMES, text=TEXTS, moved=st.booleans())
    def revert(self, unit: str, text: str | None, moved: bool) -> None:
        """An operator puts an earlier text back; sometimes a user edits before that is carried out."""
        base = self.scene.entry(self.pair).bases.get(unit)
        if base is None or base.postgres is None or base.salesforce is None:
            return
        self.made += 1
        earlier = f"r{self.made}" if text == "new" else text
        answer = Answer(self.scene.clock.new_id(), (earlier,), base.postgres, base.salesforce, "operator", reverts=True)
        self.scene.ledger.revert(self.scene.key(self.pair), {unit: answer})
        self.scene.queue.append(self.scene.message(self.pair, Side.POSTGRES))
        if moved:
            self._edit(Side.SALESFORCE, unit)

    @invariant()
    def an_issue_is_open_in_both_places(self) -> None:
        """What the entry shows is what the documents say."""
        for issue in self.scene.issues():
            shown = {known.id for known in self.scene.ledger.entries[issue.key].issues.values()}
            assert (issue.closed_at is None) == (issue.id in shown)

    def teardown(self) -> None:
        """Faults stop, messages drain: both sides agree, but for what an issue shows."""
        self.scene.wire.before.clear()
        self.scene.wire.after.clear()
        self.scene.clock.advance(VISIBILITY)
        for side in Side:
            if self._there(side):
                self.scene.queue.append(self.scene.message(self.pair, side, content=False))
        self.scene.drain()
        self.scene.find(self.pair)
        assert self._there(Side.POSTGRES) == self._there(Side.SALESFORCE)
        entry = self.scene.entry(self.pair)
        for unit in ("Name", "Phone"):
            if self._there(Side.POSTGRES):
                ours, theirs = self.scene.both(self.pair, unit)
                shown = entry.issues.get(unit)
                assert (shown is None) == (ours == theirs)
                assert shown is None or (shown.postgres, shown.salesforce) == ((ours,), (theirs,))
        self._nothing_is_lost()
        writes = len(self.scene.rows.writes), len(self.scene.records.writes)
        self.scene.queue += [self.scene.message(self.pair, side, content=False) for side in Side if self._there(side)]
        self.scene.drain()
        assert (len(self.scene.rows.writes), len(self.scene.records.writes)) == writes

    def _edit(self, side: Side, name: str) -> None:
        if not self._there(side):
            return
        text = self._text(side, name, "new")
        (self.scene.edit_postgres if side is Side.POSTGRES else self.scene.edit_salesforce)(self.pair, **{name: text})

    def _text(self, side: Side, name: str, text: str | None) -> str | None:
        """A user's text, remembered as the last one of its side."""
        self.made += 1
        self.newest[side, name] = text if text != "new" else f"v{self.made}"
        return self.newest[side, name]

    def _nothing_is_lost(self) -> None:
        """The last edit of each side stands somewhere, or is kept in an issue or in the history."""
        scene = self.scene
        states = [scene.row(self.pair) or {}, scene.in_salesforce(self.pair) or {}]
        states += [dict(past.before) for past in scene.ledger.history]
        states += [dict(values) for issue in scene.issues() for values in (issue.postgres, issue.salesforce)]
        kept = {(name, text) for state in states for name, text in state.items()}
        lost = [(side, name, text) for (side, name), text in self.newest.items() if text and (name, text) not in kept]
        assert lost == []

    def _there(self, side: Side) -> bool:
        found = self.scene.row(self.pair) if side is Side.POSTGRES else self.scene.in_salesforce(self.pair)
        return found is not None

    def _settle(self, hints: list[Any]) -> None:
        outcomes = self.scene.settle(*hints)
        again = [outcome for outcome in outcomes if not outcome.acknowledged]
        self.scene.clock.advance(max((1.0 if o.after is None else o.after for o in again), default=0.0))
        self.scene.queue.extend(outcome.hint for outcome in again)


TestOneRecord = OneRecord.TestCase
TestOneRecord.settings = settings(
    max_examples=250, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
