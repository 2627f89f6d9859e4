"""How far backfills have come, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chalicelib.aws.backfills import Backfill


@dataclass
class MemoryBackfills:
    """Implements :class:`chalicelib.jobs.backfilling.Memory`.

    Attributes:
        stored: by mapping.
    """

    stored: dict[str, Backfill] = field(default_factory=dict)

    def all(self) -> Mapping[str, Backfill]:
        """The last one of each mapping."""
        return dict(self.stored)

    def save(self, backfill: Backfill) -> Backfill | None:
        """Write how far one is, where it still is what was read."""
        stored = self.stored.get(backfill.mapping)
        if (0 if stored is None else stored.version) != backfill.version:
            return None
        self.stored[backfill.mapping] = replace(backfill, version=backfill.version + 1)
        return self.stored[backfill.mapping]
