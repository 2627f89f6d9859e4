"""The sweep's memory, in memory."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from chalicelib.aws.sweeps import Position, Told


@dataclass
class MemorySweeps:
    """Implements :class:`chalicelib.jobs.rounds.Memory`; what was told of never expires.

    Attributes:
        stored: positions by object.
        blocks: what was told of, by object, in the order in which it was remembered.
    """

    stored: dict[str, Position] = field(default_factory=dict)
    blocks: dict[str, list[Mapping[str, Told]]] = field(default_factory=dict)

    def positions(self, objects: Collection[str]) -> Mapping[str, Position]:
        """Where the sweeps of these objects are."""
        return {name: self.stored[name] for name in objects if name in self.stored}

    def save(self, name: str, position: Position) -> Position | None:
        """Write a position, where it still is what was read."""
        stored = self.stored.get(name)
        if (0 if stored is None else stored.version) != position.version:
            return None
        self.stored[name] = replace(position, version=position.version + 1)
        return self.stored[name]

    def told(self, name: str, since: int) -> Mapping[str, Told]:
        """What was told of last, by record id."""
        found: dict[str, Told] = {}
        for block in self.blocks.get(name, ()):
            found |= block
        return {record: one for record, one in found.items() if one.stamp >= since}

    def remember(self, name: str, told: Mapping[str, Told], now: float, part: str) -> None:
        """Remember what was told of."""
        self.blocks.setdefault(name, []).append(dict(told))
