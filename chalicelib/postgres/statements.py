"""The SQL of this package, which stands in ``.sql`` files beside it, by name.

A file holds statements, each after a line ``-- name: <name>``. A statement is a template of :class:`psycopg.sql.SQL`:
``{name}`` takes an identifier or another piece of SQL, ``%(name)s`` a parameter, and braces and percent signs that are
meant literally are doubled.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from psycopg import sql

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def _statements(file: str) -> Mapping[str, str]:
    """The statements of one file by name."""
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def statement(file: str, name: str, /, **pieces: sql.Composable) -> sql.Composed:
    """One statement with its pieces put in.

    Args:
        file: without its suffix.
        name: the statement's name in the file.
        pieces: what the template's braces take.

    Raises:
        KeyError: there is no such statement, or it has braces for which no piece is given.
    """
    return sql.SQL(_statements(f"{file}.sql")[name]).format(**pieces)


def dollar_quoted(text: str) -> sql.SQL:
    """A string constant that stays readable: ``$twinledger$...$twinledger$``."""
    tag = "$twinledger$"
    while tag in text:
        tag = f"{tag[:-1]}_$"
    return sql.SQL(f"{tag}\n{text}\n{tag}")


def relation(table: str) -> sql.Identifier:
    """A schema-qualified table as SQL: everything up to the first point is the schema, both as in the catalog."""
    schema, _, name = table.partition(".")
    return sql.Identifier(schema, name)


def joined(pieces: list[sql.Composable], separator: str = ", ") -> sql.Composed:
    """Pieces of SQL with a separator between them."""
    return sql.SQL(separator).join(pieces)
