"""The two systems are those that the installation was agreed with, or nothing is written; and no mass change passes.

A restored database or a refreshed sandbox looks like a thousand edits. The org is asked once by each container, before
its first read; the database by each connection, for behind its address there may be another one after each.
"""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from chalicelib.aws.state import Probe
from chalicelib.core.errors import ConfigurationError
from chalicelib.core.mapping import Mappings, ObjectMapping, Reference
from chalicelib.core.model import Fields, PrimaryKey, Record, Row, RowState, SalesforceId, Side
from chalicelib.core.ports import RecordOutcome, RecordQuery, Records, RecordWrite, RowOutcome, RowQuery, Rows, RowWrite
from chalicelib.jobs.braking import Brake
from chalicelib.postgres.identity import copied

REMEDY = (
    "nothing is written until a person has decided: connect the system that was meant, "
    "or run `python manage.py install` to begin anew with this one"
)
RESTORED = (
    "it was restored, copied or promoted, and nothing is relayed, read or written until a person has decided: connect "
    "the database that was meant, or see with `python manage.py rebase --take salesforce --dry-run` how it differs"
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


def check_database(expected: str, found: str) -> None:
    """Refuse to read or write a database that is not the one installed.

    Args:
        expected: identity of the installation's database.
        found: identity of this one, see :func:`chalicelib.postgres.identity.identity`.

    Raises:
        ConfigurationError: with the remedy.
    """
    if found != expected:
        raise ConfigurationError(
            f"this is database {found}, the installation is of database {expected}: {remedy(expected, found)}"
        )


def remedy(expected: str, found: str) -> str:
    """What a person does about a database that is not the one installed."""
    return RESTORED if copied(expected, found) else REMEDY


class GuardedRecords(Records):
    """The Salesforce side, provided that it is the org that was installed; every call may raise a ConfigurationError.

    Args:
        port: the side.
        expected: the installation's org.
        found: asks which one this is.
        brake: what its writes pass.
    """

    def __init__(self, port: Records, expected: str, found: Callable[[], str], brake: Brake) -> None:
        self._port = port
        self._brake = brake
        self._expected = expected
        self._found = found

    @cached_property
    def _checked(self) -> Records:
        """The side, after one question.

        Raises:
            ConfigurationError: it is another org.
        """
        found = self._found()
        if found != self._expected:
            raise ConfigurationError(f"this is org {found}, the installation is of org {self._expected}: {REMEDY}")
        return self._port

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

    def children(self, references: Sequence[Reference], ids: Sequence[str]) -> Sequence[Sequence[SalesforceId]]:
        """See the port."""
        return self._checked.children(references, ids)

    def write(self, writes: Sequence[RecordWrite]) -> Sequence[RecordOutcome]:
        """See the port."""
        return self._brake.write(writes, Side.SALESFORCE, self._checked.write)


class BrakedRows(Rows):
    """The Postgres side; which database it is, its adapter asks with each connection.

    Args:
        port: the side.
        brake: what its writes pass.
    """

    def __init__(self, port: Rows, brake: Brake) -> None:
        self._port = port
        self._brake = brake

    def read(self, wanted: Sequence[RowQuery]) -> Sequence[RowState]:
        """See the port."""
        return self._port.read(wanted)

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Row]]:
        """See the port."""
        return self._port.match(mapping, wanted)

    def write(self, writes: Sequence[RowWrite]) -> Sequence[RowOutcome]:
        """See the port."""
        return self._brake.write(writes, Side.POSTGRES, self._port.write)

    def edited_at(self, mapping: ObjectMapping, pk: PrimaryKey, fields: Collection[str]) -> float | None:
        """See the port."""
        return self._port.edited_at(mapping, pk, fields)
