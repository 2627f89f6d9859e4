"""Salesforce ids: 15 characters that mind case, or the same with a 3-character suffix that encodes their case."""

import re

from chalicelib.core.errors import Rejected

_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_CHUNK = 5


def id18(text: str) -> str:
    """The 18-character form of a Salesforce id.

    A 15-character id gets its suffix. An 18-character id is checked against its suffix; one whose letters all lost
    their case (upper or lower, as case-insensitive systems store them) gets the case back that the suffix encodes.

    Raises:
        Rejected: it is no Salesforce id, or its suffix does not belong to it; the code is Salesforce's MALFORMED_ID.

    Source: Object Reference for the Salesforce Platform, "Primitive Data Types" and "Field Types" (ID).
    """
    if not _ID.fullmatch(text):
        raise _malformed("a Salesforce id has 15 or 18 letters and digits")
    head, suffix = text[:15], text[15:]
    right = _suffix(head)
    if suffix in ("", right):
        return head + right
    return _repaired(text)


def link_of(text: str | None) -> str | None:
    """The id in the column that links a row, in its 18-character form; None where that is no id.

    Users can write the column, and Salesforce refuses a whole query for one id that is none.
    """
    try:
        return None if text is None else id18(text)
    except Rejected:
        return None


def _suffix(head: str) -> str:
    """The suffix of a 15-character id: a character for each five, bit k set where character k is upper case."""
    chunks = (head[at : at + _CHUNK] for at in range(0, 15, _CHUNK))
    return "".join(_ALPHABET[sum(1 << bit for bit, char in enumerate(chunk) if char.isupper())] for chunk in chunks)


def _repaired(text: str) -> str:
    """Give an id that lost its case the case of its suffix."""
    if text not in (text.upper(), text.lower()):
        raise _malformed("the last three characters of the Salesforce id do not belong to the others")
    suffix = text[15:].upper()
    try:
        bits = [_ALPHABET.index(char) for char in suffix]
    except ValueError:
        raise _malformed("the last three characters of the Salesforce id are no checksum") from None
    head = "".join(
        char.upper() if bits[at // _CHUNK] >> at % _CHUNK & 1 else char.lower() for at, char in enumerate(text[:15])
    )
    if _suffix(head) != suffix:
        raise _malformed("the last three characters of the Salesforce id do not belong to the others")
    return head + suffix


def _malformed(reason: str) -> Rejected:
    return Rejected(reason, code="MALFORMED_ID")
