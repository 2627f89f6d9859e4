"""What was captured of rows and not relayed, as the values that they had before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg.types.json import Json

from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Change, Fields, PrimaryKey
from chalicelib.core.rebase import Since
from chalicelib.postgres import decode
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.errors import translate_read
from chalicelib.postgres.rowsql import RowSql
from chalicelib.postgres.statements import statement

FILE = "captured"


@dataclass
class _Told:
    """What the outbox tells of one record's row."""

    created: bool = False
    deleted: bool = False
    before: dict[str, object] = field(default_factory=dict)  # texts by column
    pending: dict[str, object] = field(default_factory=dict)

    def add(self, change: str, old: Mapping[str, object], *, later: bool) -> None:
        """One more change, in the order in which they were made."""
        if not later:
            self.pending = {**old, **self.pending}
        elif change == Change.CREATED:
            self.created = True
        elif self.created:  # another row, with the same key
            self.created = change != Change.DELETED
        else:
            self.deleted = self.deleted or change == Change.DELETED
            self.before = {**old, **self.before}


class Outbox:
    """The outbox of a database that no relay drains.

    Args:
        connection: in autocommit mode.
        mappings: all of them; references are read through them.
    """

    def __init__(self, connection: Connection, mappings: Mappings) -> None:
        self._connection = connection
        self._mappings = mappings

    def since(self, mapping: ObjectMapping, wanted: Sequence[Collection[PrimaryKey]], moment: float) -> Sequence[Since]:
        """What was captured of each record's row, under any of its primary keys.

        To be asked after the rows were read: an edit that falls between the two is told of, with the value that was
        read.

        Args:
            mapping: the records' mapping.
            wanted: for each record its primary keys.
            moment: of the restore, seconds since the epoch: what was captured before it is pending.

        Raises:
            TwinledgerError: the database did not answer, or what was captured fits the table no more.
        """
        told = [_Told() for _ in wanted]
        places = [(at, Json(list(pk))) for at, keys in enumerate(wanted) for pk in keys]
        parameters = {
            "n": [at for at, _ in places],
            "pk": [pk for _, pk in places],
            "table": mapping.table,
            "since": moment,
        }
        try:
            for at, change, old, later in self._connection.execute(statement(FILE, "changes"), parameters):
                values = old if isinstance(old, dict) else {}
                told[int(str(at))].add(str(change), values, later=later is True)
            before = self._values(mapping, [one.before for one in told])
            pending = self._values(mapping, [one.pending for one in told])
        except psycopg.Error as error:
            raise translate_read(error) from error
        return [
            Since(one.created, one.deleted, self._names(mapping, one.before), *fields)
            for one, *fields in zip(told, before, pending, strict=True)
        ]

    @staticmethod
    def _names(mapping: ObjectMapping, columns: Collection[str]) -> frozenset[str]:
        return frozenset(field.name for field in mapping.fields if field.column in columns)

    def _values(self, mapping: ObjectMapping, texts: Sequence[Mapping[str, object]]) -> list[Fields]:
        """The fields of which there are texts; one without a canonical form, or a parent's link, is left out."""
        composed = RowSql.of(mapping, self._mappings)
        found: list[Fields] = [{} for _ in texts]
        asked = [(at, Json(one)) for at, one in enumerate(texts) if one]
        if asked:
            parameters = {"n": [at for at, _ in asked], "old": [text for _, text in asked]}
            for place, state, unlinked in self._connection.execute(composed.captured, parameters):
                at = int(str(place))
                values = decode.captured(composed, state, unlinked)
                found[at] = {name: v for name, v in values.items() if mapping.by_name[name].column in texts[at]}
        return found
