"""A record's history as people read it.

What a write overwrites is told of before the write, with its intent, for afterwards it could not be read any more:

    intent, history | Postgres written | Salesforce refuses | the next pass: "withdrawn" for Salesforce

So of each thing told it is to be found out whether it took place.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.core.ledger import Cause, History


@dataclass(frozen=True, slots=True)
class Told:
    """One thing told.

    Attributes:
        history: what was to be written.
        done: whether it took place; of an operation that is under way nobody knows yet, and it counts as done.
    """

    history: History
    done: bool


def told(history: Iterable[History]) -> list[Told]:
    """What was written and what was to be, in the order given."""
    known = list(history)
    withdrawn = {(one.operation, one.side) for one in known if one.cause is Cause.WITHDRAWN}
    return [Told(one, (one.operation, one.side) not in withdrawn) for one in known if one.cause is not Cause.WITHDRAWN]
