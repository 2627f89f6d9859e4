"""An operation that was interrupted, and what it may have left on both sides."""

from dataclasses import replace
from typing import Any

from chalicelib.core.ledger import Entry, Intent
from chalicelib.core.model import Fields, Marker, Record, Row, RowState, Side
from chalicelib.core.recover import Ground, recover, settled
from tests.unit.core.scene import account

OLD, SEEN, NEW, FORM = ("old",), ("seen",), ("new",), ("NEW",)
BOTH = frozenset(Side)
ACCOUNT = account()
ALL = dict.fromkeys(ACCOUNT.names)


def interrupted(**changes: Any) -> Intent:
    """An operation that writes Name on both sides, where Postgres held "seen" and Salesforce "old"."""
    intent = Intent(
        operation="op",
        target={"Name": NEW},
        on_postgres=frozenset({"Name"}),
        on_salesforce=frozenset({"Name"}),
        seen_postgres={"Name": SEEN},
        seen_salesforce={"Name": OLD},
        existence=None,
        alive=True,
        lease_until=0.0,
    )
    return replace(intent, **changes)


def entry(intent: Intent | None, **changes: Any) -> Entry:
    """A linked record whose Name was last agreed to be "old"."""
    known = Entry("key", "account", version=3, alive=True, bases={"Name": settled(OLD)}, intent=intent)
    return replace(known, **changes)


def in_postgres(operation: str | None, *, stored: Fields | None = None, gone: bool = False) -> RowState:
    """A row, or none, and the marker that the last operation left."""
    row = None if gone else Row(("1",), "001", ALL)
    return RowState(row, None if operation is None else Marker(operation, stored or {}))


def in_salesforce(operation: str | None, **changes: Any) -> Record:
    """A record that our user wrote last."""
    record = Record("001", "key", False, {}, operation, 1_000, "005", True, False)
    return replace(record, **changes)


def recovered(intent: Intent | None, landed: frozenset[Side], **changes: Any) -> Ground:
    """What is known after an operation that landed on these sides."""
    postgres = in_postgres("op" if Side.POSTGRES in landed else "before")
    salesforce = in_salesforce("op" if Side.SALESFORCE in landed else "before")
    return recover(ACCOUNT, entry(intent, **changes), postgres, salesforce)
