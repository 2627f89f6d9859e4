"""Check the mapping file against both systems, agree on it, and prepare the database."""

import codecs
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from chalicelib.aws.state import Installation, State
from chalicelib.core.catalog import SalesforceObject, Table
from chalicelib.core.declared import DeclaredMapping
from chalicelib.core.errors import ConfigurationError, MappingError
from chalicelib.core.mapping import Mappings
from chalicelib.core.mapping_file import parse
from chalicelib.core.ports import Clock
from chalicelib.core.problems import Problems
from chalicelib.core.schema import Names, Resolved, fingerprint, resolve
from chalicelib.jobs.guards import check_database, check_probed
from chalicelib.postgres import install as database
from chalicelib.postgres.catalog import read_catalog, read_tables, table_names
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.errors import translate_read
from chalicelib.postgres.filters import refusal as sql_refusal
from chalicelib.postgres.identity import copied, identity
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.describe import describe, object_names
from chalicelib.salesforce.filters import refusal as soql_refusal


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation did.

    Attributes:
        installation: what was agreed on.
        warnings: of the mappings' check.
        sql: the statements that were run in the database.
    """

    installation: Installation
    warnings: tuple[str, ...]
    sql: tuple[str, ...]


class Installer:
    """Compares the mapping file with both systems, and acts on it.

    Args:
        file: the mapping file.
        client: the org.
        connection: the database, as a role that owns the mapped tables.
        state: where the installation is remembered.
        clock: the time.
    """

    def __init__(self, *, file: Path, client: Client, connection: Connection, state: State, clock: Clock) -> None:
        self._file = file
        self._client = client
        self._connection = connection
        self._state = state
        self._clock = clock

    def check(self) -> Resolved:
        """Resolve the mapping file against both systems.

        Raises:
            MappingError: with a line for every misfit.
            ConfigurationError: there is no such file.
            TwinledgerError: a system did not answer.
        """
        declared = parse(self._text(), self._file.name)
        objects, tables = self._objects(declared), self._tables(declared)
        names = None
        if any(mapping.object not in objects or mapping.table not in tables for mapping in declared):
            names = self._names()
        resolved = resolve(declared, objects, tables, self._file.name, names=names)
        self._check_filters(resolved.mappings)
        return resolved

    def plan(self) -> str:
        """The SQL that installing would run; empty where everything is there.

        Raises:
            TwinledgerError: see :meth:`check`.
        """
        mappings = self.check().mappings
        try:
            catalog = read_catalog(self._connection, list(mappings.by_table))
        except psycopg.Error as error:
            raise translate_read(error) from error
        return database.plan(mappings, catalog)

    def install(self) -> Installed:
        """Install in the database, then remember the mappings: only then do the functions work with them.

        install           database            installation              a batch of messages
          |== changing ------------------------->|                           |
          |== triggers ------>|                  |                           |
          |                   | an edit of a new column: its message ------->|  settled by the old mappings
          |                   |                  |<-- still the same? -------|  changing: the message comes again
          |== new mappings --------------------->|                           |
          |                   |                  |<-- still the same? -------|  another one: the message comes again

        Where it fails half-way, messages are settled by the old mappings and come again, until it has run to its end.

        Raises:
            ConfigurationError: two-way, and the org has not passed the probe; or the database was restored.
            TwinledgerError: see :meth:`check` and :func:`chalicelib.postgres.install.install`.
        """
        resolved = self.check()
        organization_id = self._client.organization_id
        check_probed(resolved.mappings, organization_id, self._state.probe(organization_id))
        known = self._state.installation()
        self._check_restored(known)
        if known is not None:
            self._state.save_installation(replace(known, changing=True))
        sql = database.install(self._connection, resolved.mappings)
        found = identity(self._connection)
        same = known is not None and (known.organization_id, known.database) == (organization_id, found)
        installation = Installation(
            mappings=resolved.mappings,
            fingerprint=fingerprint(self._text()),
            organization_id=organization_id,
            user_id=self._client.user_id,
            database=found,
            # the sweep begins here; installing again must not skip what happened since the first time
            installed_at=known.installed_at if known is not None and same else self._clock.now(),
        )
        self._state.save_installation(installation)
        return Installed(installation, resolved.warnings, tuple(sql))

    def _check_restored(self, known: Installation | None) -> None:
        """Refuse to begin anew with a database that was restored: its old values would be taken for edits.

        Raises:
            ConfigurationError: with the remedy.
        """
        if known is None or not read_catalog(self._connection, []).schema:
            return
        found = identity(self._connection)
        if copied(known.database, found):
            check_database(known.database, found)

    def uninstall(self, *, keep_links: bool) -> None:
        """Take everything out of the database; the functions stop working with it first.

        Raises:
            TwinledgerError: see :func:`chalicelib.postgres.install.uninstall`.
        """
        self._state.forget_installation()
        database.uninstall(self._connection, keep_links=keep_links)

    def _check_filters(self, mappings: Mappings) -> None:
        """Have each system judge the filters that are meant for it."""
        problems = Problems(self._file.name)
        for mapping in mappings.mappings:
            for key, system, said in (
                ("sql", "Postgres", sql_refusal(self._connection, mapping)),
                ("soql", "Salesforce", soql_refusal(self._client, mapping)),
            ):
                if said is not None:
                    remedy = f"write {key} as {system} takes it after WHERE, or leave it out"
                    what = f"{system} refuses the filter: {' '.join(said.split())}"  # Salesforce's has several lines
                    problems.add(f"[{mapping.name}] where.{key}", what, remedy)
        problems.check()

    def _text(self) -> str:
        return mapping_text(self._file)

    def _names(self) -> Names:
        try:
            return Names(object_names(self._client), table_names(self._connection))
        except psycopg.Error as error:
            raise translate_read(error) from error

    def _objects(self, declared: tuple[DeclaredMapping, ...]) -> dict[str, SalesforceObject]:
        objects = {}
        for mapping in declared:
            try:
                objects[mapping.object] = describe(self._client, mapping.object)
            except MappingError:
                continue  # the check names what is not there, with its place in the file
        return objects

    def _tables(self, declared: tuple[DeclaredMapping, ...]) -> dict[str, Table]:
        try:
            return read_tables(self._connection, [mapping.table for mapping in declared])
        except psycopg.Error as error:
            raise translate_read(error) from error


def mapping_text(file: Path) -> str:
    """A mapping file's text.

    Raises:
        ConfigurationError: it cannot be read, or is in another encoding than UTF-8.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        reason, remedy = (
            error.strerror or type(error).__name__,
            "write it, or set TWINLEDGER_MAPPINGS to where it is",
        )
        raise ConfigurationError(f"the mapping file {file} cannot be read ({reason}): {remedy}") from error
    return _decoded(content, file)


def fingerprint_of(file: Path) -> str | None:
    """The fingerprint of a mapping file; None where it cannot be read."""
    try:
        return fingerprint(_decoded(file.read_bytes(), file))
    except (OSError, ConfigurationError):
        return None


def _decoded(content: bytes, file: Path) -> str:
    """A mapping file's text, which TOML wants in UTF-8; some editors put a mark at its beginning.

    Raises:
        ConfigurationError: it is in another encoding; the message names the file and the remedy.
    """
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]
    try:
        if not marked:
            return content.decode("utf-8-sig")
        where = "it seems to be UTF-16"
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        where = f"see line {line}"
    raise ConfigurationError(f"the mapping file {file} is not in UTF-8, {where}: save it with the encoding UTF-8")
