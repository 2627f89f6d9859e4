"""Small things as JSON in items of their own: what is known of the installation, pauses."""

from typing import Any, TypeVar

import msgspec

from chalicelib.aws import items
from chalicelib.aws.table import Put, Table
from chalicelib.core.errors import ProtocolError

T = TypeVar("T")


def save(table: Table, key: items.Key, content: Any) -> None:
    """Write a dataclass; whatever stood there is gone."""
    body = msgspec.json.encode(content)
    table.put(Put(items.item(key, body=items.body_attribute(body, items.packed(body)))))


def decoded(body: bytes, kind: type[T]) -> T:
    """A dataclass of a body.

    Raises:
        ProtocolError: it is none of ours.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"{kind.__name__} that cannot be read: {error}") from error
