"""A person's decision of a conflict: from what was typed to values, and from what the ledger shows to how it ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Answer, Entry, Issue, IssueKind
from chalicelib.core.mapping import Kind, ObjectMapping, Unit
from chalicelib.core.model import Fields, Value
from chalicelib.core.values import canonical, to_postgres, to_salesforce


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision that was stored, and is to be carried out.

    Attributes:
        issue: the conflict, as it was shown.
        answer: the decision.
        parked: ids of the refusals that were open before it, each with when it was last told.
    """

    issue: Issue
    answer: Answer
    parked: frozenset[tuple[str, float]] = frozenset()

    @property
    def values(self) -> Fields:
        """What both sides are to hold."""
        return dict(zip(self.issue.fields, self.answer.value, strict=True))


class End(StrEnum):
    """How a decision ended."""

    PENDING = "pending"  # it is being carried out
    SETTLED = "settled"  # both sides hold it
    OVERTAKEN = "overtaken"  # the issue was closed for another reason, or somebody else decided
    MOVED = "moved"  # a side has moved: the issue shows other values now
    REFUSED = "refused"  # a system refused it


@dataclass(frozen=True, slots=True)
class Standing:
    """How a decision stands.

    Attributes:
        end: how it ended, if it has.
        text: in plain words.
        issue: the issue as it is now.
        refusals: what the systems refused since.
    """

    end: End
    text: str
    issue: Issue
    refusals: tuple[Issue, ...] = ()


def standing(decision: Decision, entry: Entry | None, issue: Issue, refusals: Iterable[Issue] = ()) -> Standing:
    """How a decision stands, by its record's entry, and by the issue and the refusals as read after the entry.

    The answer leaves the entry in the same write that closes the issue, or brings it up to date.
    """
    waiting = entry.answers.get(issue.slot) if entry is not None else None
    if issue.closed_at is not None:
        by_person = issue.reason.startswith("a person decided")
        return Standing(End.SETTLED if by_person else End.OVERTAKEN, issue.reason, issue)
    if waiting is not None and waiting.id != decision.answer.id:
        return Standing(End.OVERTAKEN, f"{waiting.actor} has decided otherwise meanwhile", issue)
    if waiting is not None:
        return Standing(End.PENDING, "it is being carried out", issue)
    refused = told_since(refusals, decision.parked)
    if refused:
        return Standing(End.REFUSED, words_of(refused), issue, refused)
    if (issue.postgres, issue.salesforce) == (decision.issue.postgres, decision.issue.salesforce):
        return Standing(End.MOVED, "it was not carried out; the record's other issues may say why", issue)
    return Standing(End.MOVED, "a side has moved since the issue was shown, so nothing was written", issue)


def refusals(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """The open ones of a record's issues that tell of a refused write."""
    return tuple(one for one in issues if one.kind is IssueKind.REJECTED and one.closed_at is None)


def told_so_far(issues: Iterable[Issue]) -> frozenset[tuple[str, float]]:
    """Ids of a record's open refusals, each with when it was last told."""
    return frozenset((one.id, one.updated_at) for one in refusals(issues))


def told_since(refused: Iterable[Issue], before: frozenset[tuple[str, float]]) -> tuple[Issue, ...]:
    """Those that were not told of before."""
    return tuple(one for one in refused if (one.id, one.updated_at) not in before)


def words_of(refused: Iterable[Issue]) -> str:
    """What the systems said."""
    return " ".join(f"{one.code} {one.text}".strip() for one in refused)


def parsed(mapping: ObjectMapping, unit: Unit, given: Iterable[str]) -> dict[str, Value]:
    """Canonical values of texts ``FIELD=VALUE``; nothing after the "=" is null.

    Raises:
        Rejected: a field is not of the unit, or a value is none of its field's, or does not fit one of the sides.
    """
    values: dict[str, Value] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign:
            raise Rejected(f'"{text}" is not FIELD=VALUE; write {text}= for no value')
        if name not in unit.fields:
            raise Rejected(f'"{name}" is not in question: the issue is about {", ".join(unit.fields)}')
        if name in values:
            raise Rejected(f'"{name}" is given twice')
        values[name] = _value(mapping, name, value)
    return values


def _value(mapping: ObjectMapping, name: str, text: str) -> Value:
    field = mapping.by_name[name]
    if field.kind is Kind.BOOLEAN and not text:
        raise Rejected(f"{name}: a checkbox is true or false, and never without a value")
    value = canonical(field, text)
    to_postgres(field, value)
    to_salesforce(field, value)
    return value
