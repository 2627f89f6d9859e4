"""The text form of a key column, the same whatever the session's settings, and the way back."""

from psycopg import sql

from chalicelib.core.values.columns import PADDED, VARYING, ZONED, column_type

_ISO = frozenset({"date", "timestamp without time zone"})


def key_text(column: sql.Composable, type_name: str) -> sql.Composed:
    """SQL that gives a key column as text.

    A cast of a date or a moment to text depends on DateStyle and TimeZone; its JSON form does not.
    """
    name = column_type(type_name).name
    if name == ZONED:
        return sql.SQL("(to_json({} AT TIME ZONE 'UTC') #>> '{{}}') || 'Z'").format(column)
    if name in _ISO:
        return sql.SQL("(to_json({}) #>> '{{}}')").format(column)
    return sql.SQL("{}::text").format(column)


def cast_type(type_name: str) -> sql.SQL:
    """The type to cast a key's text to: without a length, since such a cast would cut a text short."""
    name = column_type(type_name).name
    if name == PADDED:
        return sql.SQL("bpchar")
    return sql.SQL(name if name == VARYING else type_name)
