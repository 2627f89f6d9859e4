"""The two systems are those that the installation was agreed with, or nothing is written; and no mass change passes.

A restored database or a refreshed sandbox looks like a thousand edits. Each container asks once, before its first read.
"""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

from chalicelib.aws.state import Probe
from chalicelib.core.errors import ConfigurationError
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Fields, PrimaryKey, Record, Row, RowState, Side
from chalicelib.core.ports import RecordOutcome, RecordQuery, Records, RecordWrite, RowOutcome, RowQuery, Rows, RowWrite
from chalicelib.jobs.braking import Brake

Port = TypeVar("Port")

REMEDY = (
    "nothing is written until a person has decided: connect the system that was meant, "
    "or run `python manage.py install` to begin anew with this one"
)


def check_probed(mappings: Mappings, organization_id: str, probe: Probe | None) -> None:
    """Refuse to write both ways with an org that is not known to keep what conditional writes rest on.

    Raises:
        ConfigurationError: with the remedy.
    """
    both = [mapping.name for mapping in mappings.mappings if _written(mapping) == frozenset(Side)]
    if both and (probe is None or not probe.passed):
        state = "has not been probed" if probe is None else "did not pass the probe"
        raise ConfigurationError(
            f"org {organization_id} {state}, so {', '.join(both)} may not be written both ways: "
            "run `python manage.py probe`, or set direction to to_postgres or to_salesforce"
        )


def _written(mapping: ObjectMapping) -> frozenset[Side]:
    return mapping.creates.union(*(field.writable for field in mapping.fields))


class _Guarded(Generic[Port]):
    """A side, provided that it is the system that was installed.

    Args:
        port: the side.
        expected: the installation's org or database.
        found: asks which one this is.
        brake: what its writes pass.
    """

    what: ClassVar[str]

    def __init__(self, port: Port, expected: str, found: Callable[[], str], brake: Brake) -> None:
        self._port = port
        self._brake = brake
        self._expected = expected
        self._found = found

    @cached_property
    def _checked(self) -> Port:
        """The side, after one question.

        Raises:
            ConfigurationError: it is another system.
        """
        found = self._found()
        if found != self._expected:
            raise ConfigurationError(
                f"this is {self.what} {found}, the installation is of {self.what} {self._expected}: {REMEDY}"
            )
        return self._port


class GuardedRecords(_Guarded[Records], Records):
    """The Salesforce side; every call may raise a ConfigurationError."""

    what = "org"

    @property
    def needs_closed_second(self) -> bool:
        """See the port."""
        return self._port.needs_closed_second

    def read(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """See the port."""
        return self._checked.read(wanted)

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Record]]:
        """See the port."""
        return self._checked.match(mapping, wanted)

    def write(self, writes: Sequence[RecordWrite]) -> Sequence[RecordOutcome]:
        """See the port."""
        return self._brake.write(writes, Side.SALESFORCE, self._checked.write)


class GuardedRows(_Guarded[Rows], Rows):
    """The Postgres side; every call may raise a ConfigurationError."""

    what = "database"

    def read(self, wanted: Sequence[RowQuery]) -> Sequence[RowState]:
        """See the port."""
        return self._checked.read(wanted)

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Row]]:
        """See the port."""
        return self._checked.match(mapping, wanted)

    def write(self, writes: Sequence[RowWrite]) -> Sequence[RowOutcome]:
        """See the port."""
        return self._brake.write(writes, Side.POSTGRES, self._checked.write)

    def edited_at(self, mapping: ObjectMapping, pk: PrimaryKey, fields: Collection[str]) -> float | None:
        """See the port."""
        return self._checked.edited_at(mapping, pk, fields)
