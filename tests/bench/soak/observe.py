"""The soak's records as they are seen from outside: by SQL, by REST, and in the ledger's archive."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from chalicelib.core.model import RecordKey, SalesforceId, Side
from tests.bench.records import Pair
from tests.bench.soak.check import Contact, Seen, differing
from tests.bench.stack import FIELDS, Stack

AT_ONCE = 100
SELECT = sql.SQL("SELECT id::text, {} FROM public.contact").format(
    sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in FIELDS.values())
)


class Observer:
    """Looks at the records.

    Args:
        stack: where.
        pairs: the records.
    """

    def __init__(self, stack: Stack, pairs: Sequence[Pair]) -> None:
        self._stack = stack
        self._pairs = pairs
        self._since = time.time()  # what the ledger holds from before is no evidence
        self._keys: dict[str, RecordKey] = {}
        self._before = self.sides()

    def level(self) -> None:
        """Give both sides the same values, where an earlier soak has left an open conflict: that closes it.

        Raises:
            TimeoutError: it took too long.
        """
        with self._stack.app() as app:
            for pair, sides in zip(self._pairs, self._before, strict=True):
                theirs = sides[Side.SALESFORCE]
                if theirs is not None and theirs != sides[Side.POSTGRES]:
                    write(app, pair, theirs)
        self._stack.calm()
        self._before, self._since = self.sides(), time.time()

    def sides(self) -> list[Mapping[Side, Contact | None]]:
        """What each side holds of each record."""
        with self._stack.app() as app:
            rows = {str(pk): dict(zip(FIELDS, values, strict=True)) for pk, *values in app.execute(SELECT)}
        records = self._stack.org.contacts(list(FIELDS))
        return [{Side.POSTGRES: rows.get(one.pk), Side.SALESFORCE: records.get(one.sfid)} for one in self._pairs]

    def differing(self) -> int:
        """Records whose sides differ in any field, with an issue or without."""
        return sum(one[Side.POSTGRES] != one[Side.SALESFORCE] for one in self.sides())

    def settled(self) -> bool:
        """Whether the sides differ in no field but those of open conflicts."""
        sides = self.sides()
        apart = [at for at, one in enumerate(sides) if one[Side.POSTGRES] != one[Side.SALESFORCE]]
        return not any(differing(self._seen(at, sides[at])) for at in apart)

    def seen(self) -> dict[int, Seen]:
        """Everything."""
        return {at: self._seen(at, sides) for at, sides in enumerate(self.sides())}

    def given_up(self) -> int:
        """Messages that ended as dead letters since the beginning: their consumer makes an issue of each."""
        issues = self._stack.wiring.archive.open_issues(limit=1000)
        return sum(issue.kind == "UNDELIVERABLE" and issue.opened_at >= self._since for issue in issues)

    def _seen(self, at: int, sides: Mapping[Side, Contact | None]) -> Seen:
        archive, key, since = self._stack.wiring.archive, self._key(at), self._since
        return Seen(
            before=self._before[at][Side.POSTGRES] or {},
            sides=sides,
            history=[past for past in archive.history(key) if past.at >= since],
            issues=[one for one in archive.issues_of(key) if one.closed_at is None or one.closed_at >= since],
        )

    def _key(self, at: int) -> RecordKey:
        if not self._keys:
            for start in range(0, len(self._pairs), AT_ONCE):
                named = [SalesforceId("Contact", pair.sfid) for pair in self._pairs[start : start + AT_ONCE]]
                found = self._stack.wiring.ledger.find(named)
                self._keys |= {
                    identity.id: key for identity, key in found.items() if isinstance(identity, SalesforceId)
                }
        return self._keys[self._pairs[at].sfid]


def write(
    app: psycopg.Connection[tuple[Any, ...]], pair: Pair, values: Mapping[str, str | None]
) -> Mapping[str, str | None]:
    """Edit a row by SQL; what its fields held before."""
    columns = [FIELDS[name] for name in values]
    statement = sql.SQL("UPDATE public.contact SET {} WHERE id = %s RETURNING {}").format(
        sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in columns),
        sql.SQL(", ").join(sql.SQL("old.{}::text").format(sql.Identifier(column)) for column in columns),
    )
    row = app.execute(statement, [*values.values(), pair.pk]).fetchone()
    if row is None:
        raise LookupError(f"row {pair.pk} is gone")
    return dict(zip(values, row, strict=True))
