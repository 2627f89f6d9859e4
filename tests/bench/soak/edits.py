"""The edits of a soak, all of them drawn before it begins: the same seed gives the same edits."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from chalicelib.core.model import Side
from tests.bench.stack import FIELDS

HOT = 25  # records that get a fifth of all edits, so that both sides often meet
HOT_SHARE = 0.2
NULL_SHARE = 0.04
REQUIRED = frozenset({"LastName"})
GROUP = tuple(name for name in FIELDS if name.startswith("Mailing"))
FIRST_DAY = date(1800, 1, 1)  # Salesforce takes no date before 1700

Values = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit.

    Attributes:
        number: its place in the soak.
        at: seconds after the beginning.
        side: where.
        record: which of the soak's records.
        values: what it writes, by Salesforce field.
    """

    number: int
    at: float
    side: Side
    record: int
    values: Values


def draw(seed: int, count: int, records: int, seconds: float, run: str) -> list[Edit]:
    """Draw edits.

    Args:
        seed: of the draw.
        count: how many.
        records: how many records there are.
        seconds: over how long the edits are spread.
        run: tells this soak's values from an earlier one's.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    return [
        Edit(
            number=number,
            at=seconds * number / count,
            side=chance.choice(list(Side)),
            record=chance.randrange(min(HOT, records) if chance.random() < HOT_SHARE else records),
            values=_values(chance, number, run),
        )
        for number in range(count)
    ]


def _values(chance: random.Random, number: int, run: str) -> Values:
    names = chance.sample(sorted(FIELDS), chance.choice((1, 1, 2, 3)))
    if chance.random() < 0.1:
        names = list(GROUP)
    return {name: _value(chance, name, number, run) for name in names}


def _value(chance: random.Random, name: str, number: int, run: str) -> str | None:
    """A value that no other edit writes, or null."""
    if name not in REQUIRED and chance.random() < NULL_SHARE:
        return None
    match name:
        case "Email":
            return f"{run}.{number}@example.com"
        case "Birthdate":
            return (FIRST_DAY + timedelta(days=number)).isoformat()
        case "MailingPostalCode":
            return f"{run}{number}"
        case _:
            return f"{name} {run} {number}"


def of_thread(edits: list[Edit], thread: int, threads: int, side: Side) -> Iterator[Edit]:
    """The edits of one of several users of a side: each record is always the same user's, so that order holds."""
    return (edit for edit in edits if edit.side is side and edit.record % threads == thread)
