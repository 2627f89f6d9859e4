"""Who did what, and when: written before it is done, completed after. It holds ids and names, no value of a record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from chalicelib.core.listing import at

TERMINAL = "terminal"  # the role of whoever uses the commands: they have the keys of the account


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person did.

    Attributes:
        id: of its own.
        at: when it began, seconds since the epoch.
        actor: who.
        role: in which role.
        verb: what, in a word or two.
        subjects: ids of what it was about: issues, record keys, mappings.
        fields: names of the fields that it was about.
        outcome: what became of it; empty: it was begun, and nobody knows how it ended.
        ended_at: when that was known, seconds since the epoch; None: it is not.
    """

    id: str
    at: float
    actor: str
    role: str
    verb: str
    subjects: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    outcome: str = ""
    ended_at: float | None = None

    @property
    def place(self) -> str:
        """Its place in the list of its month: text order is time order."""
        return f"{at(self.at)}#{self.id}"

    @property
    def month(self) -> str:
        """Its month in UTC, such as 2026-11."""
        return month_of(self.at)


def month_of(seconds: float) -> str:
    """A moment's month in UTC, such as 2026-11."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m}"


def before(month: str) -> str:
    """The month before a month."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02}"


class Audit(Protocol):
    """Where acts are written down. Nothing there is ever changed, but for an outcome that was not known."""

    def begin(self, act: Act) -> None:
        """Write down what is about to be done."""
        ...

    def end(self, act: Act, outcome: str, now: float) -> None:
        """Complete it, once; an outcome that is known already stays.

        Args:
            act: as it was begun.
            outcome: what became of it.
            now: seconds since the epoch.
        """
        ...

    def page(self, month: str, limit: int, before: str = "~") -> Sequence[Act]:
        """Acts of a month, the newest first.

        Args:
            month: such as 2026-11, in UTC.
            limit: how many at most.
            before: the place of one; only those that came before it.
        """
        ...
