"""The parts of a parsed query."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in a condition: string, number, boolean, null, date, datetime or a date word such as TODAY."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Compare:
    """``path op literal``; the operators are = != < <= > >= like."""

    path: str
    op: str
    literal: Literal


@dataclass(frozen=True, slots=True)
class Member:
    """``path [NOT] IN (...)``, or INCLUDES and EXCLUDES of a multi-select picklist."""

    path: str
    op: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of a condition."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class Junction:
    """All (AND) or any (OR) of some conditions."""

    op: str
    parts: tuple["Node", ...]


Node = Compare | Member | Not | Junction


@dataclass(frozen=True, slots=True)
class Order:
    """One term of ORDER BY."""

    path: str
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Select:
    """A whole query; ``fields`` is empty for ``SELECT COUNT()``."""

    fields: tuple[str, ...]
    object_name: str
    where: Node | None
    order: tuple[Order, ...]
    limit: int | None
    offset: int
    all_rows: bool
