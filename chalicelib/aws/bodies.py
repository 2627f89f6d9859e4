"""Bodies of any size: in the item where they fit, else as immutable chunks beside it."""

import hashlib
import zlib
from dataclasses import dataclass

from chalicelib.aws import items
from chalicelib.aws.items import Attributes, Key
from chalicelib.aws.table import Table

DAY = 86_400.0  # seconds


class MissingChunk(Exception):
    """A chunk is not there (any more): whoever removed it has written a newer version of its owner."""


@dataclass(frozen=True, slots=True)
class Spilled:
    """Where the chunks of a body stand.

    Attributes:
        partition: of their owner.
        owner: sort key of their owner.
        version: of the entry that they were written with.
        digest: of the body; a write that comes twice writes the same chunks.
        chunks: how many.
    """

    partition: str
    owner: str
    version: int
    digest: str
    chunks: int

    @property
    def keys(self) -> list[Key]:
        """The chunks, in order."""
        start = f"{_chunks(self.owner, self.version)}#{self.digest}"
        return [(self.partition, f"{start}#{number:04d}") for number in range(self.chunks)]

    @property
    def pointer(self) -> Attributes:
        """The attribute that points to them."""
        return {"S": f"{self.version}#{self.digest}#{self.chunks}"}

    @classmethod
    def at(cls, partition: str, owner: str, pointer: Attributes) -> "Spilled":
        """What an attribute points to."""
        version, digest, chunks = pointer["S"].split("#")
        return cls(partition, owner, int(version), digest, int(chunks))


class Bodies:
    """Reads and writes bodies.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def write(
        self, key: Key, version: int, body: bytes, expires: float | None = None
    ) -> tuple[Attributes, Spilled | None]:
        """The attributes that hold a body, or point to its chunks, which are written at once.

        Args:
            key: of the owner.
            version: of the entry that it is written with.
            body: the body.
            expires: when the owner expires, seconds since the epoch; None: never.
        """
        compressed = items.packed(body)
        if compressed is None or len(compressed) <= items.CHUNK:
            return {"body": items.body_attribute(body, compressed)}, None
        spilled = self._spill(key, version, compressed, expires)
        return {"chunks": spilled.pointer}, spilled

    def spill(self, key: Key, version: int, body: bytes) -> Spilled:
        """Write a body as chunks, whatever its size. Nothing points to them yet."""
        return self._spill(key, version, zlib.compress(body), None)

    def _spill(self, key: Key, version: int, compressed: bytes, expires: float | None) -> Spilled:
        digest = hashlib.sha256(compressed).hexdigest()[:32]
        parts = [compressed[start : start + items.CHUNK] for start in range(0, len(compressed), items.CHUNK)]
        spilled = Spilled(key[0], key[1], version, digest, len(parts))
        until = items.seconds(None if expires is None else expires + DAY)  # they outlive their owner
        self._table.put_many(
            [
                items.item(chunk, body={"B": part}, expires_at=until)
                for chunk, part in zip(spilled.keys, parts, strict=True)
            ]
        )
        return spilled

    def read(self, item: Attributes) -> bytes:
        """The body of an item.

        Raises:
            MissingChunk: the item is of an older version; read it again.
        """
        if "chunks" not in item:
            return items.body_of(item)
        return self.join(Spilled.at(*items.key_of(item), item["chunks"]))

    def join(self, spilled: Spilled) -> bytes:
        """The body that chunks make up.

        Raises:
            MissingChunk: one is gone.
        """
        keys = spilled.keys
        found = self._table.get_many(keys)
        if len(found) < len(keys):
            raise MissingChunk(f"{len(keys) - len(found)} of {len(keys)} chunks of {spilled.owner}")
        return items.unpacked(b"".join(found[key]["body"]["B"] for key in keys))

    def remove(self, spilled: Spilled) -> None:
        """Remove these chunks."""
        self._table.delete_many(spilled.keys)

    def remove_before(self, spilled: Spilled) -> None:
        """Remove the chunks of the owner's older versions. Nobody can make one of those true again."""
        between = (f"chunk#{spilled.owner}#", _chunks(spilled.owner, spilled.version))
        self._table.delete_many([items.key_of(item) for item in self._table.query(spilled.partition, between)])


def _chunks(owner: str, version: int) -> str:
    return f"chunk#{owner}#{version:012d}"
