"""What Twinledger's own tables hold of one record, taken out of them for good."""

from dataclasses import dataclass

import psycopg
from psycopg.types.json import Json

from chalicelib.core.model import PrimaryKey, RecordKey
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.errors import translate_read
from chalicelib.postgres.statements import statement

FILE = "erasure"


@dataclass(frozen=True, slots=True)
class OwnTables:
    """Twinledger's own tables.

    Attributes:
        connection: in autocommit mode.
    """

    connection: Connection

    def captured(self, table: str, pk: PrimaryKey) -> int:
        """How many captured changes of a row wait to be relayed.

        Raises:
            TwinledgerError: the database did not answer.
        """
        found = self._run("waiting", {"table": table, "pk": Json(list(pk))}).fetchone()
        return int(str(found[0])) if found else 0

    def erase(self, key: RecordKey, table: str, pk: PrimaryKey | None) -> int:
        """Take out the marker, with the values that it keeps, and the times of edits; how many rows went.

        Raises:
            TwinledgerError: the database did not answer.
        """
        gone = self._run("forget", {"key": key}).rowcount
        if pk is not None:
            gone += self._run("forget_edits", {"table": table, "pk": Json(list(pk))}).rowcount
        return gone

    def _run(self, name: str, values: dict[str, object]) -> psycopg.Cursor[tuple[object, ...]]:
        try:
            return self.connection.execute(statement(FILE, name), values)
        except psycopg.Error as error:
            raise translate_read(error) from error
