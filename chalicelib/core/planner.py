"""What to write where, so that both sides of one record agree: a pure function of what was seen and remembered.

Existence is decided first (:mod:`chalicelib.core.existence`), then the units are merged. A side that is not there
changes no unit.
"""

from dataclasses import dataclass

from chalicelib.core.existence import Life
from chalicelib.core.ledger import (
    Answer,
    Base,
    BaseState,
    Cause,
    Entry,
    Existence,
    Ignored,
    IssueKind,
    Remembered,
    alike,
)
from chalicelib.core.mapping import ObjectMapping, Policy, Unit, Values
from chalicelib.core.merge import Merge, Verdict, merge
from chalicelib.core.model import Digest, Fields, Side
from chalicelib.core.plan import Conflict, Plan, Seen
from chalicelib.core.recover import Ground, remember, unit_values
from chalicelib.core.refusals import fill_fields, hold_back

NO_FORM = "what the column holds has no form in Salesforce (NaN, infinity, a date outside the years 1 to 9999)"


def plan(
    mapping: ObjectMapping, entry: Entry, ground: Ground, seen: Seen, *, without: frozenset[str] = frozenset()
) -> Plan:
    """Plan one record.

    Args:
        mapping: the record's mapping.
        entry: the ledger's entry (a fresh one where there is none).
        ground: bases and existence after recovery.
        seen: both sides.
        without: units to leave alone in this pass, because their parent is missing.
    """
    return _Planner(mapping, entry, ground, seen, without).plan()


class _Planner:
    def __init__(
        self, mapping: ObjectMapping, entry: Entry, ground: Ground, seen: Seen, without: frozenset[str]
    ) -> None:
        self.mapping = mapping
        self.entry = entry
        self.ground = ground
        self.seen = seen
        self.without = without
        self.in_row = unit_values(mapping, seen.postgres.values) if seen.postgres else {}
        self.postgres = unit_values(mapping, _meant(mapping, seen)) if seen.postgres else {}
        self.salesforce = unit_values(mapping, seen.salesforce.values) if seen.salesforce else {}
        self.result = Plan(alive=True, bases=dict(ground.bases))
        self.halves: list[_Pair] = []  # units of which half of a person's answer is to be completed

    def plan(self) -> Plan:
        """Existence first, then the units."""
        result = self.result
        life = Life(self.mapping, self.entry, self.ground, self.seen)
        life.decide(result)
        if result.outside or result.held:
            return result
        if result.existence is not None and (not result.alive or result.existence is Existence.UNDELETE_SALESFORCE):
            self._hold_back()  # an operation of its own; the units are merged when it has landed
            if result.held_back:
                return result
        if not result.alive or result.survivor:
            life.end(result)
            return result
        if result.existence is Existence.UNDELETE_SALESFORCE:
            return result
        for unit in self.mapping.units:
            if unit.name not in self.without and not self._unreadable(unit):
                self._unit(unit)
        if result.undated:
            return result
        self._ignored()
        self._late_answers()
        self._link()
        self._hold_back()
        if result.existence is not None:  # what a new row or record does not get, it never had: first contact again
            result.bases = {name: base for name, base in result.bases.items() if name in result.target}
        self._stuck_halves()
        self._readable_again()
        return result

    def _hold_back(self) -> None:
        fill_fields(self.mapping, self.seen, self.result)
        hold_back(self.mapping, self.entry, self.ground, self.seen, self.result)

    # --- units

    def _link(self) -> None:
        row, record = self.seen.postgres, self.seen.salesforce
        if self.result.existence is Existence.CREATE_SALESFORCE:
            self.result.link = True
        elif self.result.existence is None and row is not None and record is not None:
            self.result.link = row.sfid != record.id

    def _unreadable(self, unit: Unit) -> bool:
        """Leave a unit alone whose columns hold what cannot be carried: writing over it would lose it."""
        row, record = self.seen.postgres, self.salesforce.get(unit.name)
        names = [name for name in unit.fields if row is not None and name in row.unreadable]
        if names:
            columns = ", ".join(f"{self.mapping.table}.{self.mapping.by_name[name].column}" for name in names)
            shown = remember(record) if record is not None else None
            self.result.conflicts.append(
                Conflict(unit.name, IssueKind.REJECTED, None, shown, text=f"{columns}: {NO_FORM}")
            )
        return bool(names)

    def _readable_again(self) -> None:
        """Close the issues of units whose columns hold something else by now."""
        told = {conflict.slot for conflict in self.result.conflicts}
        for slot, shown in self.entry.issues.items():
            if shown.kind is IssueKind.REJECTED and slot in self.mapping.by_unit and slot not in told:
                self.result.closed.setdefault(slot, "the column holds another value by now")

    def _unit(self, unit: Unit) -> None:
        base = self.ground.bases.get(unit.name)
        postgres = self._side(unit, Side.POSTGRES, base)
        salesforce = self._side(unit, Side.SALESFORCE, base)
        if postgres is None or salesforce is None:
            self._one_sided(unit, postgres, salesforce)
            return
        pair = _Pair(unit, base, postgres, salesforce)
        if self._reverted(pair):
            return
        outcome = merge(
            base,
            postgres,
            salesforce,
            hops=self.entry.hops,
            echo_postgres=self.entry.echoes.get((Side.POSTGRES, unit.name)),
            echo_salesforce=self.entry.echoes.get((Side.SALESFORCE, unit.name)),
        )
        if outcome.verdict is not Verdict.CONFLICT and unit.name in self.entry.ignored:
            self.result.unmarked.add(unit.name)
        self._carry_out(pair, outcome)

    def _carry_out(self, pair: "_Pair", outcome: Merge) -> None:
        name = pair.unit.name
        if outcome.base is not None:
            self.result.bases[name] = outcome.base
        half = pair.base is not None and pair.base.state is BaseState.HALF
        if half and outcome.verdict in {Verdict.CARRY, Verdict.FOLLOW}:
            self.halves.append(pair)
            if not self._carried(name) and self._decided(pair):
                return
        match outcome.verdict:
            case Verdict.KEEP:
                return
            case Verdict.CONFLICT:
                self._conflict(pair, outcome)
            case Verdict.STORM:
                self.result.conflicts.append(Conflict(name, IssueKind.ECHO_STORM, pair.postgres, pair.salesforce))
            case Verdict.AGREE:
                self._aim(pair, outcome, Cause.EDIT, "both sides hold the same value")
            case Verdict.CARRY:
                self._aim(pair, outcome, Cause.EDIT, "only one side still differs from the agreed value")
            case _:  # FOLLOW
                if half:
                    self._complete(pair, outcome)
                else:
                    self._aim(pair, outcome, Cause.FORM, "nobody edits it any more")

    def _complete(self, pair: "_Pair", outcome: Merge) -> None:
        """The other half of a person's answer."""
        carried = self._carried(pair.unit.name)
        if self.entry.intent is not None:
            self.result.answers |= self.entry.intent.answers
        self._by(carried, pair, outcome)

    def _carried(self, name: str) -> Answer | None:
        """The answer of which half has landed. It is used up, even where a user went back to what it was given to."""
        answer, intent = self.entry.answers.get(name), self.entry.intent
        return answer if answer is not None and intent is not None and answer.id in intent.answers else None

    def _side(self, unit: Unit, side: Side, base: Base | None) -> Remembered | None:
        """What a side holds of a unit; of a side that is gone, what it was known to hold. None: nothing to say."""
        there = self.seen.in_postgres if side is Side.POSTGRES else self.seen.in_salesforce
        if not there:
            return base.of(side) if base is not None else None
        return (self.postgres if side is Side.POSTGRES else self.salesforce).get(unit.name)

    def _one_sided(self, unit: Unit, postgres: Remembered | None, salesforce: Remembered | None) -> None:
        """A unit that one side does not have: it is part of a creation, or hidden, and hidden changes nothing."""
        created = self.result.existence.side if self.result.existence is not None else None
        if created is Side.POSTGRES and salesforce is not None:
            held = salesforce
        elif created is Side.SALESFORCE and postgres is not None:
            held = postgres
        else:
            return
        pair = _Pair(unit, None, held, held)
        self._aim(pair, Merge(Verdict.CARRY, created.other, held, user=True), Cause.CREATE, "the record is created")

    def _aim(self, pair: "_Pair", outcome: Merge, cause: Cause, reason: str) -> None:
        """Let both sides hold the outcome's target, where both may be written; close the unit's issue once they do."""
        result, unit = self.result, pair.unit
        target = outcome.target
        values = self._concrete(unit, target) if target is not None else None
        if values is None or target is None:
            return
        created = result.existence.side if result.existence else None
        on_postgres = created is Side.POSTGRES or not alike(self.in_row.get(unit.name, pair.postgres), target)
        on_salesforce = created is Side.SALESFORCE or not alike(pair.salesforce, target)
        if (on_postgres and Side.POSTGRES not in unit.writable) or (
            on_salesforce and Side.SALESFORCE not in unit.writable
        ):
            return
        result.target[unit.name] = values
        result.causes[unit.name] = Cause.CREATE if created else cause
        if on_postgres:
            result.on_postgres.add(unit.name)
        if on_salesforce:
            result.on_salesforce.add(unit.name)
        if outcome.user:
            result.moved_by_user.add(unit.name)
        elif outcome.echo or outcome.verdict is Verdict.FOLLOW:
            result.moved_by_automation.add(unit.name)
        if unit.name in self.entry.issues:
            result.closed[unit.name] = reason

    def _concrete(self, unit: Unit, target: Remembered) -> Values | None:
        """The full values of a target that may be known by digest only: some side, or the answer, still has them."""
        answer = self.entry.answers.get(unit.name)
        candidates = (self.postgres.get(unit.name), self.salesforce.get(unit.name), answer.value if answer else None)
        for candidate in candidates:
            if candidate is not None and alike(remember(candidate), target):
                return candidate
        plain = tuple(value for value in target if not isinstance(value, Digest))
        return plain if len(plain) == len(target) else None

    # --- conflicts

    def _conflict(self, pair: "_Pair", outcome: Merge) -> None:
        result, name = self.result, pair.unit.name
        if self._decided(pair):
            return
        if name in self.entry.answers:
            result.refused_answers.append(name)
        ignored = self.entry.ignored.get(name)
        if ignored is not None:
            if alike(pair.postgres, ignored.postgres) and alike(pair.salesforce, ignored.salesforce):
                return
            result.unmarked.add(name)
        winner = self._winner(pair, outcome)
        if winner is not None:
            target = pair.postgres if winner is Side.POSTGRES else pair.salesforce
            decision = f"policy: {winner.title()} wins"
            self._aim(pair, Merge(Verdict.CARRY, winner, target, user=True), Cause.POLICY, decision)
            if name in result.target and name not in self.entry.issues:
                result.conflicts.append(Conflict(name, IssueKind.CONFLICT, pair.postgres, pair.salesforce, decision))
            return
        if name in result.undated:
            return
        if outcome.answer_open:
            result.bases[name] = Base(None, None, None, BaseState.CONTESTED)
        text = f"{ignored.actor} had ignored it, until a side was edited again: {ignored.reason}" if ignored else ""
        result.conflicts.append(Conflict(name, IssueKind.CONFLICT, pair.postgres, pair.salesforce, text=text))

    def _reverted(self, pair: "_Pair") -> bool:
        """Put an earlier value back, if both sides are as they were shown: they need not differ for it."""
        name, base = pair.unit.name, pair.base
        if base is not None and base.state is BaseState.HALF and self._carried(name):
            return False  # half of it has landed, and is used up: it is completed
        answer = self.entry.answers.get(name)
        return answer is not None and answer.reverts and self._decided(pair)

    def _decided(self, pair: "_Pair") -> bool:
        """Carry out a person's answer, if both sides are as they were shown."""
        answer = self.entry.answers.get(pair.unit.name)
        if answer is None or not (alike(pair.postgres, answer.postgres) and alike(pair.salesforce, answer.salesforce)):
            return False
        self.result.answers.add(answer.id)
        if answer.ignores:
            self._set_aside(pair.unit.name, answer)
            self.result.marks[pair.unit.name] = Ignored(pair.postgres, pair.salesforce, answer.actor, answer.reason)
        else:
            self._by(answer, pair, Merge(Verdict.CARRY, target=answer.value, user=True))
        return True

    def _set_aside(self, slot: str, answer: Answer) -> None:
        """Close an issue that a person ignores. Nothing is written for it on either side."""
        self.result.left.add(slot)
        self.result.closed[slot] = f"{answer.actor} ignores it: {answer.reason}"

    def _ignored(self) -> None:
        """Leave what tells of no two values: a refused write, which is not sent again as it was, or an echo storm."""
        for slot, answer in self.entry.answers.items():
            shown = self.entry.issues.get(slot)
            if shown is None or not answer.ignores or slot in self.result.closed:
                continue
            refused = shown.kind is IssueKind.REJECTED and slot not in self.mapping.by_unit
            if refused or shown.kind is IssueKind.ECHO_STORM:
                self.result.answers.add(answer.id)
                self._set_aside(slot, answer)

    def _by(self, answer: Answer | None, pair: "_Pair", outcome: Merge) -> None:
        """Aim at what a person decided; of half an answer, who that was may not be known any more."""
        actor = answer.actor if answer is not None else ""
        cause = Cause.REVERT if answer is not None and answer.reverts else Cause.ANSWER
        self._aim(pair, outcome, cause, f"a person decided: {actor}" if actor else "a person decided")
        if actor:
            self.result.deciders[pair.unit.name] = actor

    def _stuck_halves(self) -> None:
        """Show both sides as they are now where the other half of an answer is refused: they may be decided anew."""
        for pair in self.halves:
            name = pair.unit.name
            if name not in self.result.target and self.result.held_back:
                text = "a decision reached one side, and the other refused it"
                self.result.conflicts.append(
                    Conflict(name, IssueKind.CONFLICT, pair.postgres, pair.salesforce, text=text)
                )

    def _winner(self, pair: "_Pair", outcome: Merge) -> Side | None:
        """Who wins a conflict without a person; None: nobody, or it is not known yet (``undated``)."""
        if len(pair.unit.writable) == 1:
            (written,) = pair.unit.writable
            return written.other
        if outcome.answer_open or (pair.base is not None and pair.base.state is BaseState.CONTESTED):
            return None
        policy = pair.unit.policy if pair.base is not None else self.mapping.first_contact
        match policy:
            case Policy.HOLD:
                return None
            case Policy.SALESFORCE_WINS:
                return Side.SALESFORCE
            case Policy.POSTGRES_WINS:
                return Side.POSTGRES
            case _:  # NEWEST_WINS
                return self._newest(pair.unit)

    def _newest(self, unit: Unit) -> Side | None:
        """The later edit wins; within Salesforce's one second, Postgres', whose time is the finer one."""
        if unit.name not in self.seen.postgres_edited_at:
            self.result.undated.append(unit.name)
            return None
        edited_at = self.seen.postgres_edited_at[unit.name]
        if edited_at is None or self.seen.salesforce is None:
            return None
        return Side.POSTGRES if edited_at >= self.seen.salesforce.modified_at else Side.SALESFORCE

    def _late_answers(self) -> None:
        """Refuse the answers to conflicts that are no more."""
        result = self.result
        carried = self.entry.intent.answers if self.entry.intent is not None else frozenset[str]()
        contested = {conflict.slot for conflict in result.conflicts if not conflict.decision}
        for name, answer in self.entry.answers.items():
            if answer.id in result.answers | carried or name in result.refused_answers or name in contested:
                continue
            result.refused_answers.append(name)


def _meant(mapping: ObjectMapping, seen: Seen) -> Fields:
    """The row's values, its references to records that were merged as those to what they were merged into."""
    row = seen.postgres.values if seen.postgres is not None else {}
    return {
        name: seen.winners.get(value, value) if isinstance(value, str) and mapping.by_name[name].parent else value
        for name, value in row.items()
    }


@dataclass(frozen=True, slots=True)
class _Pair:
    """One unit as both sides hold it."""

    unit: Unit
    base: Base | None
    postgres: Remembered
    salesforce: Remembered
