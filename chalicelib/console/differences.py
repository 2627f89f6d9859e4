"""Where a text differs from another one, word by word, for a reader."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from re import findall

from chalicelib.core.model import Digest, Known

LONGEST = 4000  # characters of a text that are compared; a longer one is marked as a whole


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text.

    Attributes:
        text: as it stands there.
        differs: whether the other text does not have it there.
    """

    text: str
    differs: bool


def text_of(value: Known) -> str:
    """A value as people read it; nothing where it is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"a text of {value.length} characters" if isinstance(value, Digest) else value


def pieces(value: Known, other: Known) -> list[Piece]:
    """A value in pieces: what it has in common with another one, and what it has not."""
    text, against = text_of(value), text_of(other)
    if not text:
        return []
    if text == against or not against:
        return [Piece(text, text != against)]
    if max(len(text), len(against)) > LONGEST:
        return [Piece(text, True)]
    return list(_compared(_words(text), _words(against)))


def _compared(words: list[str], against: list[str]) -> Iterator[Piece]:
    matcher = SequenceMatcher(None, against, words, autojunk=False)
    for verdict, _, _, start, end in matcher.get_opcodes():
        if start < end:
            yield Piece("".join(words[start:end]), verdict != "equal")


def _words(text: str) -> list[str]:
    """Words, and what stands between them; together they are the text."""
    return findall(r"\w+|\s+|[^\w\s]", text)
