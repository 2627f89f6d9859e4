"""Names become identifiers, and key columns text that no setting changes."""

import pytest
from psycopg import sql

from chalicelib.core.errors import MappingError
from chalicelib.core.mapping import Mappings
from chalicelib.postgres.keys import cast_type, key_text
from chalicelib.postgres.rowsql import RowSql
from chalicelib.postgres.statements import dollar_quoted, relation, statement
from tests.integration.postgres.sample import line, mapping


def test_relation() -> None:
    """The schema ends at the first point; everything else is the table's name."""
    assert relation('a"b.c.d').as_string() == '"a""b"."c.d"'


def test_dollar_quoted() -> None:
    """The quotes are none that the text holds."""
    assert dollar_quoted("x").as_string() == "$twinledger$\nx\n$twinledger$"
    assert dollar_quoted("$twinledger$").as_string() == "$twinledger_$\n$twinledger$\n$twinledger_$"


def test_unknown_statement() -> None:
    """A statement that is not there is an error."""
    with pytest.raises(KeyError):
        statement("rows", "nothing")


@pytest.mark.parametrize(
    ("type_name", "text", "cast"),
    [
        ("bigint", '"k"::text', "bigint"),
        ("numeric(10,0)", '"k"::text', "numeric(10,0)"),
        ("character varying(5)", '"k"::text', "character varying"),
        ("character(5)", '"k"::text', "bpchar"),
        ("date", """(to_json("k") #>> '{}')""", "date"),
        ("timestamp(0) without time zone", """(to_json("k") #>> '{}')""", "timestamp(0) without time zone"),
        (
            "timestamp with time zone",
            """(to_json("k" AT TIME ZONE 'UTC') #>> '{}') || 'Z'""",
            "timestamp with time zone",
        ),
    ],
)
def test_key(type_name: str, text: str, cast: str) -> None:
    """A key's text is the same in every session, and the way back cuts nothing short."""
    assert (key_text(sql.Identifier("k"), type_name).as_string(), cast_type(type_name).as_string()) == (text, cast)


def test_parent_with_several_key_columns() -> None:
    """A reference to such a table is refused, with table, field and remedy."""
    child = mapping("child", "crm.child", [("id", "bigint")], [])
    reference = line.fields[0].__class__("LineId", "line_id", line.fields[0].kind, "integer", parent="line")
    wrong = mapping("child", "crm.child", [("id", "bigint")], [reference])
    RowSql.of(child, Mappings((child, line)))
    with pytest.raises(MappingError, match=r"crm\.child: field LineId: .* map the column as plain id"):
        RowSql.of(wrong, Mappings((wrong, line)))
