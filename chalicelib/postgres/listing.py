"""All rows of a mapping, a page at a time, in the order of their keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import psycopg
from psycopg import sql

from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import PrimaryKey
from chalicelib.core.values import link_of
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.decode import primary_key
from chalicelib.postgres.errors import translate_read
from chalicelib.postgres.keys import cast_type, key_text
from chalicelib.postgres.statements import joined, relation, statement

FILE = "listing"
PAGE = 2000  # rows of a page
Listed: TypeAlias = tuple[PrimaryKey, str | None]  # a row's key, and its Salesforce id in 18 characters


@dataclass(frozen=True, slots=True)
class RowListing:
    """Lists the rows that match a mapping's filter.

    Attributes:
        connection: in autocommit mode.
    """

    connection: Connection

    def count(self, mapping: ObjectMapping) -> int:
        """How many there are.

        Raises:
            TwinledgerError: the database did not answer.
        """
        found = self._fetch(statement(FILE, "count", **_filtered(mapping)), {})
        return int(str(found[0][0]))

    def after(self, mapping: ObjectMapping, last: PrimaryKey) -> Sequence[Listed]:
        """The rows of the next page; empty: there are no more.

        Args:
            mapping: whose.
            last: the last key of the page before; empty: the first page.

        Raises:
            TwinledgerError: the database did not answer.
        """
        keys: list[sql.Composable] = [sql.Identifier("t", column) for column in mapping.key]
        named = {f"k{at}": part for at, part in enumerate(last)}
        places: list[sql.Composable] = [
            sql.SQL("{}::{}").format(sql.Placeholder(name), cast_type(type_name))
            for name, type_name in zip(named, mapping.key_types, strict=False)
        ]
        texts: list[sql.Composable] = [key_text(key, name) for key, name in zip(keys, mapping.key_types, strict=True)]
        page = statement(
            FILE,
            "page",
            pk=sql.SQL("ARRAY[{}]").format(joined(texts)),
            after=statement(FILE, "after", keys=joined(keys), last=joined(places)) if last else sql.SQL("true"),
            keys=joined(keys),
            **_filtered(mapping),
        )
        found = self._fetch(page, {"page": PAGE, **named})
        return [(primary_key(pk), link_of(None if sfid is None else str(sfid))) for pk, sfid in found]

    def _fetch(self, asked: sql.Composed, values: dict[str, object]) -> list[tuple[object, ...]]:
        try:
            return self.connection.execute(asked, values).fetchall()
        except psycopg.Error as error:
            raise translate_read(error) from error


def _filtered(mapping: ObjectMapping) -> dict[str, sql.Composable]:
    return {
        "table": relation(mapping.table),
        "alias": sql.Identifier(mapping.table.partition(".")[2]),
        "condition": sql.SQL((mapping.sql or "true").replace("%", "%%")),
    }
