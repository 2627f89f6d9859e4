"""Records that leave the mapping's filters and come back, by a field that is not mapped.

    leave   the side's filter refuses the record; its message tells that something changed
    enter   likewise
    end     everybody comes back, so that every promise about what both sides hold is to be kept in the end

While a record is outside on a side nothing is written to either, by any worker that began after it left.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Change, Hint, RowId, SalesforceId, Side

if TYPE_CHECKING:
    from tests.simulation.world import World

OPEN = "Rating <> 'Cold'"  # whatever it says: that there is one keeps messages from being trusted


@dataclass
class Fences:
    """The filters of a world.

    Attributes:
        world: where they stand.
        outside: records that do not match the filter of a side, and since when.
        crossed: writes of the sync to records that are outside.
    """

    world: "World"
    outside: dict[tuple[Side, str], float] = field(default_factory=dict)
    crossed: list[str] = field(default_factory=list)

    def put_up(self) -> None:
        """Have both systems ask whether a record is outside, and no message be trusted."""
        world = self.world
        world.mappings = type(world.mappings)(tuple(replace(one, soql=OPEN) for one in world.mappings.mappings))
        world.rows.mappings = world.mappings
        for mapping in world.mappings.mappings:
            world.rows.inside[mapping.table] = lambda pk, _: (Side.POSTGRES, pk[0]) not in self.outside
            world.records.inside[mapping.object] = lambda id_, _: (Side.SALESFORCE, id_) not in self.outside

    def cross(self) -> None:
        """Some record leaves the filter of a side, or comes back."""
        world = self.world
        mapping = world.random.choice(world.mappings.mappings)
        if there := self._there(mapping):
            one = world.random.choice(there)
            if one not in self.outside:
                self.outside[one] = world.clock.now()
                world.count("left the filter")
            else:
                del self.outside[one]
                world.count("entered the filter")
            self._tell(mapping, *one)

    def take_down(self) -> None:
        """Everybody comes back."""
        left, self.outside = list(self.outside), {}
        for side, id_ in left:
            for mapping in self.world.mappings.mappings:
                if (side, id_) in self._there(mapping):
                    self._tell(mapping, side, id_)

    def wrote(self, side: Side, id_: str, *, by: float) -> None:
        """A worker that began at a time has written a record."""
        for one in ((side, id_), self._other(side, id_)):
            if one is not None and self.outside.get(one, by) < by:
                self.crossed.append(f"{side} {id_}: {one} is outside since {self.outside[one]:.2f}")

    def _there(self, mapping: ObjectMapping) -> list[tuple[Side, str]]:
        rows = [(Side.POSTGRES, pk[0]) for pk in self.world.rows.rows(mapping.table)]
        return [*rows, *((Side.SALESFORCE, record.id) for record in self.world.records.all(mapping.object))]

    def _other(self, side: Side, id_: str) -> tuple[Side, str] | None:
        for mapping in self.world.mappings.mappings:
            for pk, row in self.world.rows.rows(mapping.table).items():
                if side is Side.POSTGRES and pk == (id_,) and row.sfid is not None:
                    return Side.SALESFORCE, row.sfid
                if side is Side.SALESFORCE and row.sfid == id_:
                    return Side.POSTGRES, pk[0]
        return None

    def _tell(self, mapping: ObjectMapping, side: Side, id_: str) -> None:
        name = f"crossed-{self.world.clock.new_id()}"
        identity = RowId(mapping.table, (id_,)) if side is Side.POSTGRES else SalesforceId(mapping.object, id_)
        self.world.tell(f"user in {side.title()} has {id_} {'leave' if (side, id_) in self.outside else 'enter'}")
        self.world.post.send(Hint(identity, Change.UPDATED, name))
