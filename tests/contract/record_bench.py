# ruff: noqa: D102 - the methods are described once, at Bench
"""The org as the contract of ``Records`` uses it: what users, admins and time do, whoever implements the port."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Protocol

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind, ObjectMapping, Unit
from chalicelib.core.model import Fields, Value
from chalicelib.core.ports import Records
from tests.fakes.clock import FakeClock
from tests.fakes.records import MemoryRecords, Save


def mapping(
    name: str, object_name: str, fields: dict[str, Kind], parents: dict[str, str] | None = None
) -> ObjectMapping:
    """A mapping whose columns are called like the fields, in lower case."""
    made = tuple(
        Field(field, field.lower(), kind, "text", parent=(parents or {}).get(field)) for field, kind in fields.items()
    )
    units = tuple(Unit(field.name, (field.name,)) for field in made)
    return ObjectMapping(name, object_name, f"public.{name}", ("id",), ("text",), made, units)


ACCOUNT = mapping(
    "account",
    "Account",
    {
        "Name": Kind.TEXT,
        "Phone": Kind.TEXT,
        "Website": Kind.TEXT,
        "Industry": Kind.TEXT,
        "AnnualRevenue": Kind.NUMBER,
        "Description": Kind.TEXT,
    },
)
CONTACT = mapping(
    "contact",
    "Contact",
    {"LastName": Kind.TEXT, "Email": Kind.TEXT, "Birthdate": Kind.DATE, "AccountId": Kind.REFERENCE},
    {"AccountId": "account"},
)


class Bench(Protocol):
    """One org, with the port under test on it."""

    apex: bool

    @property
    def records(self) -> Records:
        """The port under test."""

    def add(self, object_name: str, values: Fields) -> str:
        """A user creates a record."""

    def edit(self, object_name: str, record_id: str, values: Fields) -> None:
        """A user edits a record."""

    def delete(self, object_name: str, record_id: str) -> None:
        """A user moves a record to the recycle bin."""

    def undelete(self, object_name: str, record_id: str) -> None:
        """A user restores a record."""

    def merge(self, object_name: str, winner: str, loser: str) -> None:
        """A user merges one record into another."""
        ...

    def purge(self, record_id: str) -> None:
        """A record leaves the recycle bin for good."""

    def count(self, object_name: str) -> int:
        """How many records of an object are alive."""

    def next_second(self) -> None:
        """Let the org's clock pass the second in which the last save was, safely."""

    def same_second(self) -> None:
        """Make sure that what follows quickly falls into one second of the org's clock."""

    def suffix(self, field: str, text: str) -> None:
        """Automation: every save of an account gives this field this suffix."""

    def refuse(self, field: str, value: str) -> None:
        """A validation rule: no account may have this value in this field."""

    def hide(self, field: str) -> None:
        """The integration user loses the right to read a field of Account."""

    def without(self, mapping: ObjectMapping, field: str, value: str) -> ObjectMapping:
        """The mapping with a filter that records of one value do not match."""

    def locked(self, record_id: str) -> AbstractContextManager[None]:
        """Another transaction holds an account, and changes its industry in the end."""


class FakeBench:
    """The org in memory."""

    def __init__(self, *, apex: bool) -> None:
        self.clock = FakeClock()
        self.apex = apex
        self.records = MemoryRecords(self.clock, apex=apex, parents={"Contact": {"AccountId": "Account"}})

    def add(self, object_name: str, values: Fields) -> str:
        return self.records.add(object_name, values)

    def edit(self, object_name: str, record_id: str, values: Fields) -> None:
        self.records.edit(object_name, record_id, values)

    def delete(self, object_name: str, record_id: str) -> None:
        self.records.delete(object_name, record_id)

    def undelete(self, object_name: str, record_id: str) -> None:
        self.records.undelete(object_name, record_id)

    def purge(self, record_id: str) -> None:
        self.records.purge(record_id)

    def merge(self, object_name: str, winner: str, loser: str) -> None:
        self.records.merge(object_name, winner, loser)

    def count(self, object_name: str) -> int:
        return len(self.records.all(object_name))

    def next_second(self) -> None:
        self.clock.advance(1)

    def same_second(self) -> None:
        pass

    def suffix(self, field: str, text: str) -> None:
        def rule(save: Save) -> Fields:
            value: Value = save.after.get(field)
            return {field: f"{value}{text}"} if isinstance(value, str) and not value.endswith(text) else {}

        self.records.automation.append(rule)

    def refuse(self, field: str, value: str) -> None:
        def rule(save: Save) -> Rejected | None:
            if save.after.get(field) != value:
                return None
            return Rejected("the rule says no", code="FIELD_CUSTOM_VALIDATION_EXCEPTION", fields=(field,))

        self.records.refusals.append(rule)

    def without(self, mapping: ObjectMapping, field: str, value: str) -> ObjectMapping:
        self.records.inside[mapping.object] = lambda _, values: values[field] != value
        return replace(mapping, soql=f"{field} <> '{value}'")

    def hide(self, field: str) -> None:
        self.records.hidden.setdefault("Account", set()).add(field)

    @contextmanager
    def locked(self, record_id: str) -> Iterator[None]:
        transaction = self.records.begin("Account", record_id, {"Industry": "Banking"})
        yield
        transaction.commit()
