"""The two systems are those that the installation was agreed with, or nothing is written.

A restored database or a refreshed sandbox looks like a thousand edits. Each container asks once, before its first read.
"""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from chalicelib.aws.state import Probe
from chalicelib.core.errors import ConfigurationError
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Fields, PrimaryKey, Record, Row, RowState, Side
from chalicelib.core.ports import RecordOutcome, RecordQuery, Records, RecordWrite, RowOutcome, RowQuery, Rows, RowWrite

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


class GuardedRecords(Records):
    """The Salesforce side, provided that it is the org that was installed.

    Args:
        records: the side.
        expected: the installation's org, 18 characters.
        found: asks which org this is.
    """

    def __init__(self, records: Records, expected: str, found: Callable[[], str]) -> None:
        self._records = records
        self._expected = expected
        self._found = found

    @cached_property
    def _checked(self) -> Records:
        found = self._found()
        if found != self._expected:
            raise ConfigurationError(f"this is org {found}, the installation is of org {self._expected}: {REMEDY}")
        return self._records

    @property
    def needs_closed_second(self) -> bool:
        """See the port."""
        return self._records.needs_closed_second

    def read(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """See the port.

        Raises:
            ConfigurationError: it is another org.
        """
        return self._checked.read(wanted)

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Record]]:
        """See the port.

        Raises:
            ConfigurationError: it is another org.
        """
        return self._checked.match(mapping, wanted)

    def write(self, writes: Sequence[RecordWrite]) -> Sequence[RecordOutcome]:
        """See the port.

        Raises:
            ConfigurationError: it is another org.
        """
        return self._checked.write(writes)


class GuardedRows(Rows):
    """The Postgres side, provided that it is the database that was installed.

    Args:
        rows: the side.
        expected: the installation's database.
        found: asks which database this is.
    """

    def __init__(self, rows: Rows, expected: str, found: Callable[[], str]) -> None:
        self._rows = rows
        self._expected = expected
        self._found = found

    @cached_property
    def _checked(self) -> Rows:
        found = self._found()
        if found != self._expected:
            raise ConfigurationError(f"this is database {found}, the installation is of {self._expected}: {REMEDY}")
        return self._rows

    def read(self, wanted: Sequence[RowQuery]) -> Sequence[RowState]:
        """See the port.

        Raises:
            ConfigurationError: it is another database.
        """
        return self._checked.read(wanted)

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Row]]:
        """See the port.

        Raises:
            ConfigurationError: it is another database.
        """
        return self._checked.match(mapping, wanted)

    def write(self, writes: Sequence[RowWrite]) -> Sequence[RowOutcome]:
        """See the port.

        Raises:
            ConfigurationError: it is another database.
        """
        return self._checked.write(writes)

    def edited_at(self, mapping: ObjectMapping, pk: PrimaryKey, fields: Collection[str]) -> float | None:
        """See the port.

        Raises:
            ConfigurationError: it is another database.
        """
        return self._checked.edited_at(mapping, pk, fields)
