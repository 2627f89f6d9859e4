"""Ledger entries, issues, history and hints as JSON, and back.

Every text carries a format version of its own. A newer format than this code knows is refused rather than guessed at:
after a roll-back the newer code's items wait for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from chalicelib.core.errors import ProtocolError
from chalicelib.core.ledger import FORMAT_VERSION, Entry, History, Issue, Remembered
from chalicelib.core.model import Change, Hint, Identity, Record, RecordKey, RowId, SalesforceId, Side
from chalicelib.core.ports import Waiter

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _StoredEntry:
    """An entry; its echoes apart, because JSON knows text keys only."""

    entry: Entry
    echoes: tuple[tuple[Side, str, Remembered], ...]


@dataclass(frozen=True, slots=True)
class _StoredHint:
    """A hint with its identity spelt out."""

    salesforce: SalesforceId | None
    postgres: RowId | None
    change: Change
    hint_id: str
    occurred_at: float | None
    actor: str | None
    record: Record | None
    sfid: str | None
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class _StoredWaiter:
    """A waiter with its parent spelt out."""

    salesforce: SalesforceId | None
    postgres: RowId | None
    key: RecordKey
    hint: _StoredHint


@dataclass(frozen=True, slots=True)
class _Sealed:
    """Any of these with the version of its format."""

    v: int
    data: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Overflow:
    """The issues and history of one change that do not fit into its transaction."""

    issues: tuple[Issue, ...]
    history: tuple[History, ...]


def _seal(value: object) -> bytes:
    return msgspec.json.encode(_Sealed(FORMAT_VERSION, msgspec.Raw(msgspec.json.encode(value))))


def _opener(kind: type[T], name: str = "") -> Callable[[bytes], T]:
    name = name or kind.__name__
    sealed = msgspec.json.Decoder(_Sealed)
    decoder = msgspec.json.Decoder(kind)

    def opened(text: bytes) -> T:
        try:
            envelope = sealed.decode(text)
            if envelope.v != FORMAT_VERSION:
                raise ProtocolError(f"{name} of format {envelope.v}; this version reads format {FORMAT_VERSION}")
            return decoder.decode(envelope.data)
        except msgspec.DecodeError as error:
            raise ProtocolError(f"{name} that cannot be read: {error}") from error

    return opened


_open_entry = _opener(_StoredEntry)
_open_hint = _opener(_StoredHint)
_open_hints: Callable[[bytes], _StoredHint | tuple[_StoredHint, ...]] = _opener(
    _StoredHint | tuple[_StoredHint, ...],  # type: ignore[arg-type]
    "_StoredHint",
)
_open_waiter = _opener(_StoredWaiter)

encode_issue: Callable[[Issue], bytes] = _seal
decode_issue = _opener(Issue)
encode_history: Callable[[History], bytes] = _seal
decode_history = _opener(History)
encode_overflow: Callable[[Overflow], bytes] = _seal
decode_overflow = _opener(Overflow)


def encode_entry(entry: Entry) -> bytes:
    """An entry as JSON."""
    echoes = tuple((side, unit, value) for (side, unit), value in entry.echoes.items())
    return _seal(_StoredEntry(replace(entry, echoes={}), echoes))


def decode_entry(text: bytes) -> Entry:
    """An entry from JSON.

    Raises:
        ProtocolError: it is of a newer format, or none of ours.
    """
    stored = _open_entry(text)
    return replace(stored.entry, echoes={(side, unit): value for side, unit, value in stored.echoes})


def encode_hint(hint: Hint) -> bytes:
    """A hint as JSON."""
    return _seal(_stored_hint(hint))


def decode_hint(text: bytes) -> Hint:
    """A hint from JSON.

    Raises:
        ProtocolError: it is of a newer format, or none of ours.
    """
    return _hint(_open_hint(text))


def encode_hints(hints: Sequence[Hint]) -> bytes:
    """Hints as one JSON text; a single one as :func:`encode_hint` spells it."""
    return encode_hint(hints[0]) if len(hints) == 1 else _seal(tuple(_stored_hint(hint) for hint in hints))


def decode_hints(text: bytes) -> tuple[Hint, ...]:
    """The hints of a JSON text, be it of one hint or of many.

    Raises:
        ProtocolError: it is of a newer format, or none of ours.
    """
    found = _open_hints(text)
    return tuple(_hint(stored) for stored in (found if isinstance(found, tuple) else (found,)))


def encode_waiter(waiter: Waiter) -> bytes:
    """A waiter as JSON."""
    parent = waiter.parent
    return _seal(
        _StoredWaiter(
            salesforce=parent if isinstance(parent, SalesforceId) else None,
            postgres=parent if isinstance(parent, RowId) else None,
            key=waiter.key,
            hint=_stored_hint(waiter.hint),
        )
    )


def decode_waiter(text: bytes) -> Waiter:
    """A waiter from JSON.

    Raises:
        ProtocolError: it is of a newer format, or none of ours.
    """
    stored = _open_waiter(text)
    return Waiter(_identity(stored.salesforce, stored.postgres), stored.key, _hint(stored.hint))


def _stored_hint(hint: Hint) -> _StoredHint:
    identity = hint.identity
    return _StoredHint(
        salesforce=identity if isinstance(identity, SalesforceId) else None,
        postgres=identity if isinstance(identity, RowId) else None,
        change=hint.change,
        hint_id=hint.hint_id,
        occurred_at=hint.occurred_at,
        actor=hint.actor,
        record=hint.record,
        sfid=hint.sfid,
        bulk=hint.bulk,
    )


def _hint(stored: _StoredHint) -> Hint:
    identity = _identity(stored.salesforce, stored.postgres)
    return Hint(
        identity=identity,
        change=stored.change,
        hint_id=stored.hint_id,
        occurred_at=stored.occurred_at,
        actor=stored.actor,
        record=stored.record,
        sfid=stored.sfid,
        bulk=stored.bulk,
    )


def _identity(salesforce: SalesforceId | None, postgres: RowId | None) -> Identity:
    identity = salesforce or postgres
    if identity is None:
        raise ProtocolError("a message that names no record")
    return identity


def spell(identity: Identity) -> str:
    """An identity as one text: different texts for different identities."""
    if isinstance(identity, SalesforceId):
        return f"{Side.SALESFORCE}#{identity.object}#{identity.id}"
    return f"{Side.POSTGRES}#{identity.table}#{msgspec.json.encode(identity.key).decode()}"
