"""What is known of the installation as a whole: its mappings and its two systems."""

from dataclasses import dataclass

from chalicelib.aws import items
from chalicelib.aws.documents import decoded, save
from chalicelib.aws.table import Table
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Side
from chalicelib.core.schema import from_json, to_json

_INSTALLATION = ("installation", "installation")
_REBASE = ("installation", "rebase")


@dataclass(frozen=True, slots=True)
class Probe:
    """What `manage.py probe` found out about an org.

    Attributes:
        organization_id: 18 characters.
        passed: whether every assumption held.
        at: when, seconds since the epoch.
        findings: one line for each assumption.
    """

    organization_id: str
    passed: bool
    at: float
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Installation:
    """What `manage.py install` found and agreed on.

    Attributes:
        mappings: checked against both systems.
        fingerprint: of the mapping file that they came from.
        organization_id: 18 characters.
        user_id: the integration user, 18 characters.
        database: the identity of the database: a restored or copied one has another.
        installed_at: seconds since the epoch.
        changing: whether `manage.py install` is putting another one in its place: triggers may be there that capture
            what these mappings do not know.
    """

    mappings: Mappings
    fingerprint: str
    organization_id: str
    user_id: str
    database: str
    installed_at: float
    changing: bool = False


@dataclass(frozen=True, slots=True)
class Rebase:
    """A rebase onto a restored database that was begun and is not finished.

    Attributes:
        database: identity of the restored database.
        take: the side whose values count.
        moment: of the restore, seconds since the epoch.
        pauses: whether it has paused everything, and is to resume it.
    """

    database: str
    take: Side
    moment: float
    pauses: bool


@dataclass(frozen=True, slots=True)
class _Stored:
    mappings: str
    fingerprint: str
    organization_id: str
    user_id: str
    database: str
    installed_at: float
    changing: bool = False


class State:
    """The installation's own items.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known: tuple[bytes, Installation] | None = None  # what was read last, and what it means

    def installation(self) -> Installation | None:
        """The installation; None where `manage.py install` has not run.

        Raises:
            MappingError: the stored mappings are of another version.
        """
        item = self._table.get(_INSTALLATION)
        if item is None:
            return None
        body = items.body_of(item)
        if self._known is None or self._known[0] != body:  # it is read with every batch, and hardly ever changes
            stored = decoded(body, _Stored)
            installation = Installation(
                from_json(stored.mappings),
                stored.fingerprint,
                stored.organization_id,
                stored.user_id,
                stored.database,
                stored.installed_at,
                stored.changing,
            )
            self._known = body, installation
        return self._known[1]

    def save_installation(self, installation: Installation) -> None:
        """Remember the installation."""
        stored = _Stored(
            to_json(installation.mappings),
            installation.fingerprint,
            installation.organization_id,
            installation.user_id,
            installation.database,
            installation.installed_at,
            installation.changing,
        )
        save(self._table, _INSTALLATION, stored)

    def forget_installation(self) -> None:
        """Forget the installation: nothing is settled until there is one again."""
        self._table.delete_many([_INSTALLATION])

    def rebase(self) -> Rebase | None:
        """The rebase that is not finished; None: there is none."""
        item = self._table.get(_REBASE)
        return None if item is None else decoded(items.body_of(item), Rebase)

    def save_rebase(self, rebase: Rebase) -> None:
        """Remember that a rebase was begun."""
        save(self._table, _REBASE, rebase)

    def forget_rebase(self) -> None:
        """It is finished."""
        self._table.delete_many([_REBASE])

    def probe(self, organization_id: str) -> Probe | None:
        """What the last probe of an org found; None where it was never probed."""
        item = self._table.get(_probe(organization_id))
        return None if item is None else decoded(items.body_of(item), Probe)

    def save_probe(self, probe: Probe) -> None:
        """Remember a probe."""
        save(self._table, _probe(probe.organization_id), probe)


def _probe(organization_id: str) -> items.Key:
    return f"probe#{organization_id}", "probe"
