"""What a person does about an issue: what is wanted, what it would write, and what became of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.core.ledger import Answer, History, Issue
from chalicelib.core.model import Fields, Known, Side, Value


class Deed(StrEnum):
    """What is done about an issue."""

    SALESFORCE = "salesforce"  # both sides get Salesforce's values
    POSTGRES = "postgres"  # both sides get Postgres' values
    VALUES = "values"  # field by field one side's value, or another one
    RETRY = "retry"  # what a system refused is sent once more
    IGNORE = "ignore"  # both sides stay as they are, and the issue is closed


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants done.

    Attributes:
        issue_id: the issue.
        version: of what the person saw, as :func:`version_of` gives it; empty: as it is now.
        deed: what is to be done.
        picks: for VALUES: by field, whose value is taken.
        texts: for VALUES: by field, a value as it was typed; empty for no value.
        reason: for IGNORE: why, in the person's words.
    """

    issue_id: str
    version: str
    deed: Deed
    picks: Mapping[str, Side] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Becomes:
    """What would become of one field.

    Attributes:
        name: its Salesforce name.
        held: what each side holds, as the issue shows it.
        value: what both would hold; where nothing is written, nothing.
        written: the sides that are written.
    """

    name: str
    held: Mapping[Side, Known]
    value: Value
    written: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a wish would do.

    Attributes:
        wish: with the version of the issue that it rests on.
        issue: as it is now.
        fields: of the issue, in its order; none where no value is written.
        text: what happens, in plain words.
    """

    wish: Wish
    issue: Issue
    fields: tuple[Becomes, ...]
    text: str


class Outcome(StrEnum):
    """What became of a wish."""

    TAKEN = "taken"  # it stands in the ledger, and is being carried out
    DONE = "done"  # it is over
    MOVED = "moved"  # the issue shows something else by now
    BEATEN = "beaten"  # somebody else was faster
    REFUSED = "refused"  # it cannot be done so


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a wish.

    Attributes:
        issue_id: the issue.
        outcome: what became of it.
        text: in plain words.
        issue: as it is now; None: there is none.
    """

    issue_id: str
    outcome: Outcome
    text: str
    issue: Issue | None


@dataclass(frozen=True, slots=True)
class View:
    """An issue with what stands around it.

    Attributes:
        issue: as it is now.
        version: of it.
        waiting: a person's decision of it that is being carried out; None: there is none.
        others: the record's other open issues.
        history: what was overwritten of the record lately, the newest first.
        deeds: what may be done about it.
    """

    issue: Issue
    version: str
    waiting: Answer | None
    others: Sequence[Issue]
    history: Sequence[History]
    deeds: tuple[Deed, ...]


def version_of(issue: Issue) -> str:
    """A text that is another one as soon as an issue shows anything else."""
    shown = (
        issue.updated_at,
        issue.closed_at,
        sorted(issue.postgres.items()),
        sorted(issue.salesforce.items()),
        issue.code,
        issue.text,
    )
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def becomes(issue: Issue, values: Fields) -> tuple[Becomes, ...]:
    """What would become of an issue's fields if both sides got these values."""
    told = []
    for name in issue.fields:
        held: dict[Side, Known] = {}
        if name in issue.salesforce:
            held[Side.SALESFORCE] = issue.salesforce[name]
        if name in issue.postgres:
            held[Side.POSTGRES] = issue.postgres[name]
        written = tuple(side for side in Side if side not in held or held[side] != values[name])
        told.append(Becomes(name, held, values[name], written))
    return tuple(told)
