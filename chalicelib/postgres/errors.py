"""What is to be done about an error of Postgres: from SQLSTATE to the tree of :mod:`chalicelib.core.errors`.

Source: PostgreSQL manual, appendix "PostgreSQL Error Codes". A rule for a code goes before one for its class, the
first two characters. A code that no rule names parks the record with the server's own text: an unknown error is never
retried without bound.
"""

import re
from collections.abc import Sequence
from types import MappingProxyType

import psycopg

from chalicelib.core.errors import (
    AccessDenied,
    ConfigurationError,
    ParentMissing,
    Parked,
    ProtocolError,
    RecordLocked,
    Rejected,
    Throttled,
    TwinledgerError,
    Unavailable,
)

RULES: MappingProxyType[str, type[TwinledgerError]] = MappingProxyType(
    {
        "02": Rejected,  # no data, which a trigger may raise
        "03": ProtocolError,  # SQL statement not yet complete
        "08": Unavailable,  # connection exception
        "08P01": ProtocolError,  # protocol violation
        "09": Rejected,  # triggered action exception
        "0A": Rejected,  # feature not supported
        "0B": ProtocolError,  # invalid transaction initiation
        "0F": Rejected,  # locator exception
        "0L": Rejected,  # invalid grantor
        "0P": ConfigurationError,  # invalid role specification
        "0Z": Rejected,  # diagnostics exception
        "10": Rejected,  # XQuery error
        "20": Rejected,  # case not found
        "21": Rejected,  # cardinality violation
        "22": Rejected,  # data exception
        "23": Rejected,  # integrity constraint violation
        "24": ProtocolError,  # invalid cursor state
        "25": ProtocolError,  # invalid transaction state
        "25006": Unavailable,  # read-only transaction: a standby, after a failover
        "25P03": Unavailable,  # idle-in-transaction timeout
        "25P04": Unavailable,  # transaction timeout
        "26": Unavailable,  # a prepared statement is gone: a pooler gave us another session
        "27": Rejected,  # triggered data change violation
        "28": AccessDenied,  # invalid authorization
        "2B": Rejected,  # dependent privilege descriptors still exist
        "2D": Rejected,  # invalid transaction termination
        "2F": Rejected,  # SQL routine exception
        "34": ProtocolError,  # invalid cursor name
        "38": Rejected,  # external routine exception
        "39": Rejected,  # external routine invocation exception
        "3B": ProtocolError,  # savepoint exception
        "3D": ConfigurationError,  # invalid catalog name
        "3F": Rejected,  # invalid schema name
        "40": RecordLocked,  # transaction rollback: serialization failure, deadlock
        "40002": Rejected,  # transaction integrity constraint violation
        "40003": Unavailable,  # statement completion unknown
        "42": Rejected,  # syntax error or access rule violation, which a trigger of the table may raise
        "44": Rejected,  # WITH CHECK OPTION violation
        "53": Throttled,  # insufficient resources
        "53100": Unavailable,  # disk full
        "54": Rejected,  # program limit exceeded
        "55": Rejected,  # object not in prerequisite state
        "55006": RecordLocked,  # object in use
        "55P02": ConfigurationError,  # a setting that cannot be changed
        "55P03": RecordLocked,  # lock not available: lock_timeout
        "57": Unavailable,  # operator intervention: shutdown, cancel, statement timeout
        "57P04": ConfigurationError,  # database dropped
        "58": Unavailable,  # system error
        "72": Unavailable,  # snapshot too old
        "F0": ConfigurationError,  # configuration file error
        "HV": Rejected,  # foreign data wrapper error
        "P0": Rejected,  # PL/pgSQL: RAISE in a trigger
        "XX": Rejected,  # internal error: data corrupted, a defect
    }
)

WITHOUT_CODE: MappingProxyType[type[psycopg.Error], type[TwinledgerError]] = MappingProxyType(
    {
        # psycopg's own errors, most specific first
        psycopg.errors.PipelineAborted: Unavailable,  # an earlier statement of the pipeline failed
        psycopg.OperationalError: Unavailable,  # no connection, or it broke
        psycopg.DataError: Rejected,  # a value that cannot be sent
        psycopg.IntegrityError: Rejected,
        psycopg.InterfaceError: ProtocolError,  # the driver was misused
        psycopg.InternalError: ProtocolError,
        psycopg.ProgrammingError: ProtocolError,
        psycopg.NotSupportedError: ProtocolError,
        psycopg.DatabaseError: Unavailable,
        psycopg.Error: ProtocolError,
    }
)

# A server that refuses a connection gives its reason as text only (libpq keeps no SQLSTATE of it).
_REFUSED = re.compile(
    "authentication failed|no pg_hba.conf entry|not permitted to log in|permission denied for database"
    "|password supplied|role .* does not exist",
    re.IGNORECASE,
)
_UNVERIFIED = re.compile(r"certificate|does not support SSL|root\.crt", re.IGNORECASE)
_VERIFY = (
    "the connection has to be encrypted and verified: name the authorities in the address (sslrootcert=FILE; for RDS "
    "the bundle that AWS publishes), or say there how much is to be verified (sslmode)"
)
# PgBouncer ("ignore_startup_parameters") and RDS Proxy ("Limitations") take no options at connect; the relay has some
_POOLED = re.compile("unsupported startup parameter|command-line options", re.IGNORECASE)
_DIRECT = (
    "this is a connection pooler, and the relay needs the server itself: its lock and the wish to be told belong to a "
    "session; give the address of the database"
)
_MISCONFIGURED = re.compile("database .* does not exist|invalid (?:connection option|sslmode)", re.IGNORECASE)


def rule(code: str) -> type[TwinledgerError] | None:
    """The rule for an SQLSTATE; None: there is none."""
    return RULES.get(code) or RULES.get(code[:2])


def kind_of(error: psycopg.Error) -> type[TwinledgerError]:
    """Which error of ours an error of Postgres is."""
    if error.sqlstate is not None:
        return rule(error.sqlstate) or Rejected
    return next(ours for theirs, ours in WITHOUT_CODE.items() if isinstance(error, theirs))


def text_of(error: psycopg.Error) -> str:
    """The server's message without its DETAIL, which quotes whole rows."""
    return error.diag.message_primary or str(error).strip()


def translate(error: psycopg.Error, fields: Sequence[str] = ()) -> TwinledgerError:
    """The error of a write, for one record.

    Args:
        error: what psycopg raised.
        fields: Salesforce names of the fields that the server blames.
    """
    kind = kind_of(error)
    if issubclass(kind, Parked):
        return kind(text_of(error), code=error.sqlstate or "", fields=fields)
    return kind(text_of(error))


def translate_read(error: psycopg.Error) -> TwinledgerError:
    """The error of a read: a refusal is none of the data's, since a read of ours has none to be refused."""
    found = translate(error)
    if not isinstance(found, Parked):
        return found
    if found.code == "42501":
        return AccessDenied(f"{found}: grant the role the right, and BYPASSRLS or a policy where row security is on")
    quoting = (found.code or "").startswith("22")  # a data exception quotes the value, and this text goes into logs
    text = "a key or a value does not have its column's form" if quoting else str(found)
    return ConfigurationError(f"{text} ({found.code}): run manage.py check and manage.py install")


def translate_connect(error: psycopg.Error) -> TwinledgerError:
    """The error of a connection that was not made."""
    if error.sqlstate is not None:
        return translate_read(error)
    text = text_of(error)
    if _POOLED.search(text):
        return ConfigurationError(f"{'; '.join(text.splitlines())}: {_DIRECT}")
    if _REFUSED.search(text):
        return AccessDenied(text)
    if _UNVERIFIED.search(text):
        return ConfigurationError(f"{'; '.join(text.splitlines())}: {_VERIFY}")
    if _MISCONFIGURED.search(text) or isinstance(error, psycopg.ProgrammingError):
        return ConfigurationError(text)
    return translate(error)


def parent_missing(fields: Sequence[str]) -> ParentMissing:
    """A write names parents that no row is linked to."""
    return ParentMissing(f"no row is linked to the parent that {', '.join(fields)} names", code="23503", fields=fields)
