"""The canonical form is a fixed point: to a side and back it is the same, or the way there refuses it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import assume, given, reject
from hypothesis import strategies as st

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Value
from chalicelib.core.values import (
    canonical,
    from_postgres,
    from_salesforce,
    from_salesforce_xml,
    id18,
    to_postgres,
    to_salesforce,
)

_COLUMNS = {
    Kind.TEXT: ("text", "character varying(10)", "character(10)", "citext", "uuid"),
    Kind.NUMBER: ("numeric", "numeric(10,3)", "numeric(4,-2)", "double precision", "smallint", "integer", "bigint"),
    Kind.BOOLEAN: ("boolean",),
    Kind.DATE: ("date",),
    Kind.DATETIME: ("timestamp with time zone", "timestamp(0) without time zone"),
    Kind.TIME: ("time without time zone", "time(1) without time zone"),
    Kind.MULTI: ("text", "character varying(5)", "text[]", "character varying(3)[]"),
    Kind.ID: ("character varying(18)", "character(18)"),
    Kind.REFERENCE: ("bigint",),
}
_NO_VALUE = st.none()
_IDS = st.from_regex(r"[0-9A-Za-z]{15}", fullmatch=True).map(id18)
_RAW = {
    Kind.TEXT: st.text() | st.uuids().map(str) | st.text("a \r\n", max_size=12),
    Kind.NUMBER: st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(10**25), 10**25)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3),
    Kind.BOOLEAN: st.booleans(),
    Kind.DATE: st.dates().map(str),
    Kind.DATETIME: st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    Kind.TIME: st.times().map(lambda at: at.isoformat() + "Z"),
    Kind.MULTI: st.lists(st.text("aB; é", max_size=4)).map(";".join),
    Kind.ID: _IDS,
    Kind.REFERENCE: _IDS,
}


@st.composite
def fields_and_raw_values(draw: st.DrawFn) -> tuple[Field, object]:
    """A field of any kind with a value as Salesforce could give it."""
    kind = draw(st.sampled_from(Kind))
    field = Field("Some__c", "some", kind, draw(st.sampled_from(_COLUMNS[kind])), nullable=draw(st.booleans()))
    return field, draw(_RAW[kind] | _NO_VALUE)


def stored(field: Field, sent: object) -> object:
    """What the column gives back for what was sent: character(n) pads."""
    if field.column_type.startswith("character(") and isinstance(sent, str):
        return sent.ljust(int(field.column_type.removeprefix("character(").removesuffix(")")))
    return sent


def unless_refused(convert: Callable[[Field, Any], Any], field: Field, value: object) -> Any:
    """The converted value; a refused one ends the example."""
    try:
        return convert(field, value)
    except Rejected:
        reject()


def read(field: Field, raw: object) -> Value:
    """The canonical form; a value without one ends the example."""
    value: Value = unless_refused(from_salesforce, field, raw)
    return value


@given(fields_and_raw_values())
def test_canonical_form_is_a_fixed_point(case: tuple[Field, object]) -> None:
    """Making a canonical value canonical changes nothing, and JSON carries it as it is."""
    field, raw = case
    value = read(field, raw)
    assert (value, value) == (canonical(field, value), json.loads(json.dumps(value)))


@given(fields_and_raw_values())
def test_round_trip_through_salesforce(case: tuple[Field, object]) -> None:
    """What Salesforce is sent as JSON reads as the same canonical value, or is not sent."""
    field, raw = case
    value = read(field, raw)
    sent = unless_refused(to_salesforce, field, value)
    assert value == from_salesforce(field, json.loads(json.dumps(sent)))


@given(fields_and_raw_values())
def test_round_trip_through_soap(case: tuple[Field, object]) -> None:
    """An outbound message's text of what Salesforce holds reads as REST's JSON does."""
    field, raw = case
    value = read(field, raw)
    text = json.dumps(raw) if isinstance(raw, bool | int | float) else None if raw is None else str(raw)
    assert value == from_salesforce_xml(field, text)


@given(fields_and_raw_values())
def test_round_trip_through_postgres(case: tuple[Field, object]) -> None:
    """What Postgres is sent reads as the same canonical value, or is not sent."""
    field, raw = case
    value = read(field, raw)
    sent = unless_refused(to_postgres, field, value)
    assert value == from_postgres(field, stored(field, sent))


@given(st.datetimes(timezones=st.timezones() | st.just(timezone(timedelta(minutes=-210)))))
def test_moment_does_not_hang_on_its_zone(moment: datetime) -> None:
    """The same moment in another zone has the same canonical form."""
    field = Field("Some__c", "some", Kind.DATETIME, "timestamp with time zone")
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        reject()
    assert from_postgres(field, utc) == from_postgres(field, moment)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_number_is_exact_and_plain(number: Decimal) -> None:
    """The canonical number is the number itself, without exponent, trailing zeros, plus or minus zero."""
    assume(not number or abs(number.adjusted()) <= 400)
    text = from_postgres(Field("Some__c", "some", Kind.NUMBER, "numeric"), number)
    assert isinstance(text, str)
    assert number == Decimal(text)
    assert not any(mark in text for mark in "eE+")
    assert "." not in text or text[-1] not in ".0"
    assert not text.startswith("-0") or "." in text


@given(st.lists(st.sampled_from(["a", "B", "c", "é", "z;", ""]), max_size=6), st.randoms())
def test_picked_values_do_not_hang_on_their_order(picked: list[str], random: Random) -> None:
    """Any order and repetition of the same picked values is one canonical value."""
    field = Field("Some__c", "some", Kind.MULTI, "text")
    shuffled = picked + picked
    random.shuffle(shuffled)
    assert from_salesforce(field, ";".join(picked)) == from_salesforce(field, ";".join(shuffled))
