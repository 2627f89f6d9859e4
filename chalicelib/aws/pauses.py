"""What is paused, and the counts by which a mass change is noticed."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.aws import items
from chalicelib.aws.documents import decoded, save
from chalicelib.aws.table import Table
from chalicelib.core.model import Side

EVERYTHING = "*"  # the scope of a pause that covers all mappings
KEPT = 86_400.0  # seconds for which a count is kept after its window

_PARTITION = "pauses"


@dataclass(frozen=True, slots=True)
class Pause:
    """A mapping, or everything, that is not to be settled until a person resumes it.

    Attributes:
        scope: a mapping's name, or EVERYTHING.
        reason: in plain words.
        actor: who paused it; empty: the brake did.
        at: when, seconds since the epoch.
    """

    scope: str
    reason: str
    actor: str
    at: float


def named(scope: str) -> str:
    """A scope in plain words."""
    return "everything" if scope == EVERYTHING else scope


@dataclass(frozen=True, slots=True)
class _Lifted:
    until: float


class Pauses:
    """Pauses in the table. One query reads all of them.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self) -> Mapping[str, Pause]:
        """What is paused now, by scope."""
        found = self._table.query(_PARTITION, ("pause#", "pause$"))
        pauses = (decoded(items.body_of(item), Pause) for item in found)
        return {pause.scope: pause for pause in pauses}

    def pause(self, pause: Pause) -> None:
        """Pause something; whatever paused it before is told no more."""
        save(self._table, (_PARTITION, f"pause#{pause.scope}"), pause)

    def resume(self, scope: str) -> None:
        """End a pause."""
        self._table.delete_many([(_PARTITION, f"pause#{scope}")])

    # --- the brake

    def lift(self, mapping: str, until: float) -> None:
        """Let whatever is changed pass the brake until then, seconds since the epoch."""
        save(self._table, (_PARTITION, f"lifted#{mapping}"), _Lifted(until))

    def lifted(self, mapping: str, now: float) -> bool:
        """Whether a person has let the changes of a mapping pass."""
        item = self._table.get((_PARTITION, f"lifted#{mapping}"))
        return item is not None and decoded(items.body_of(item), _Lifted).until > now

    def count(self, mapping: str, side: Side, kind: str, window: tuple[float, float], number: int) -> int:
        """Count writes of one kind that are about to take place on a side; how many there are in this window.

        Args:
            mapping: its name.
            side: the side that is written.
            kind: of write.
            window: when it began and ends, seconds since the epoch.
            number: how many more.
        """
        key = f"count#{mapping}", f"{side}#{kind}#{int(window[0])}"
        return self._table.add(key, "number", number, expires_at=window[1] + KEPT)
