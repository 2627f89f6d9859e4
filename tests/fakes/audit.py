"""An audit in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chalicelib.core.audit import Act


@dataclass
class MemoryAudit:
    """Implements :class:`chalicelib.core.audit.Audit`.

    Attributes:
        acts: by place.
    """

    acts: dict[str, Act] = field(default_factory=dict)

    def begin(self, act: Act) -> None:
        """Write down what is about to be done."""
        self.acts[act.place] = act

    def end(self, act: Act, outcome: str, now: float) -> None:
        """Complete it, once."""
        known = self.acts.get(act.place)
        if known is not None and not known.outcome:
            self.acts[act.place] = replace(known, outcome=outcome, ended_at=now)

    def page(self, month: str, limit: int, before: str = "~") -> Sequence[Act]:
        """Acts of a month, the newest first."""
        places = sorted((place for place in self.acts if place < before), reverse=True)
        return [self.acts[place] for place in places if self.acts[place].month == month][:limit]
