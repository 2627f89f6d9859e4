"""Postgres column types as ``format_type`` spells them, and whether a value fits into one unchanged.

An explicit cast to ``varchar(n)`` cuts a text short, and one to ``numeric(p,s)`` rounds, both without an error
(Postgres manual, "Character Types" and "Numeric Types"). So the fit is checked here, before anything is sent.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType

from chalicelib.core.errors import Rejected

_TYPE = re.compile(r"(?P<head>[^\[\]()]+)(?:\((?P<modifiers>-?\d+(?:,-?\d+)?)\))?(?P<tail>[^\[\]()]*)(?P<array>\[\])?")

VARYING = "character varying"
PADDED = "character"
TEXTS = frozenset({"text", VARYING, PADDED, "citext", "public.citext"})
UUID_TYPE = "uuid"
NUMERIC = "numeric"
DOUBLE = "double precision"
INTEGERS = MappingProxyType({"smallint": 15, "integer": 31, "bigint": 63})  # bits beside the sign
TIMESTAMPS = frozenset({"timestamp with time zone", "timestamp without time zone"})
ZONED = "timestamp with time zone"
TIME_TYPE = "time without time zone"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column type, taken apart.

    Attributes:
        name: without modifiers: "character varying", "timestamp with time zone".
        modifiers: length, or precision and scale; empty where there are none.
        array: whether it is an array of that type.
    """

    name: str
    modifiers: tuple[int, ...] = ()
    array: bool = False

    @property
    def length(self) -> int | None:
        """The characters that a text type takes; None: no limit."""
        if self.name not in (VARYING, PADDED):
            return None
        return self.modifiers[0] if self.modifiers else None


@lru_cache(maxsize=1024)
def column_type(text: str) -> ColumnType:
    """Take a type apart as ``format_type`` spells it; an unknown form becomes a name that nothing pairs with."""
    match = _TYPE.fullmatch(text.strip())
    if match is None:
        return ColumnType(text)
    modifiers = tuple(int(part) for part in (match["modifiers"] or "").split(",") if part)
    return ColumnType((match["head"] + match["tail"]).strip(), modifiers, match["array"] is not None)


def check_length(kind: ColumnType, text: str) -> None:
    """Raise where a text is too long for its column."""
    if kind.length is not None and len(text) > kind.length:
        raise Rejected(f"the text has {len(text)} characters, the column takes {kind.length}", code="22001")


def check_number(kind: ColumnType, text: str) -> None:
    """Raise where an integer or numeric column would round a canonical number, or not take it."""
    number = Decimal(text)
    whole, _, fraction = text.lstrip("-").partition(".")
    if kind.name in INTEGERS:
        limit = 2 ** INTEGERS[kind.name]
        if fraction:
            raise _out_of_range(f"the number has a fraction, the column is {kind.name}")
        if not -limit <= number < limit:
            raise _out_of_range(f"the number is beyond the range of {kind.name}")
    elif kind.name == NUMERIC and kind.modifiers and number:
        precision, scale = (*kind.modifiers, 0)[:2]
        decimals = len(fraction) or len(whole.rstrip("0")) - len(whole)  # -2 for 1200
        if decimals > scale:
            raise _out_of_range(f"the column rounds to {scale} decimals, and none may get lost")
        if number.adjusted() >= precision - scale:
            raise _out_of_range(f"the column takes {precision - scale} digits before the point, the number has more")


def _out_of_range(reason: str) -> Rejected:
    return Rejected(reason, code="22003")
