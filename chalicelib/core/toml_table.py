"""One TOML table, read key by key; each misfit becomes a problem, and reading goes on with a default."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from chalicelib.core.errors import MappingError
from chalicelib.core.problems import Problems, choose, closest

_Choice = TypeVar("_Choice", bound=StrEnum)


def load(text: str, problems: Problems) -> Mapping[str, object]:
    """Parse TOML.

    Raises:
        MappingError: the text is no TOML; the problem names the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error).replace("end of document", f"line {len(text.splitlines())}, the end of the file")
        problems.add("TOML syntax", reason, "mend that line")
        raise MappingError(problems.lines) from None


class Table:
    """One TOML table.

    Attributes:
        place: how problems name the table: "[contact.fields]", with the key where it is an inline table.
    """

    def __init__(self, problems: Problems, place: str, content: Mapping[str, object]) -> None:
        self.place = place
        self._problems = problems
        self._content = content

    def only(self, *known: str) -> None:
        """Note every key that is not known; it is read as the one that it seems to mean, where that one is missing."""
        for key in [key for key in self._content if key not in known]:
            self._problems.add(self.place, f'unknown key "{key}"', choose(key, known))
            meant = closest(key, known)
            if meant is not None:
                self._content = {meant: self._content[key], **self._content}

    def required(self, key: str, example: str) -> str:
        """A text that must be there; "" where it is not."""
        if key not in self._content:
            self._problems.add(self.place, f'"{key}" is missing', f"add {key} = {example}")
        return self.text(key) or ""

    def text(self, key: str) -> str | None:
        """A text, or None where the key is missing."""
        value = self._content.get(key)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self._problems.add(self.place, f'"{key}" is not a text, or empty', f'write {key} = "..."')
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """A text or a list of texts, each once; empty where the key is missing."""
        return texts_of(self._problems, f'{self.place} "{key}"', self._content.get(key, []))

    def choice(self, key: str, choices: type[_Choice]) -> _Choice | None:
        """One of a few texts, or None where the key is missing."""
        text = self.text(key)
        if text is None:
            return None
        if text in list(choices):
            return choices(text)
        self._problems.add(self.place, f'"{key}" cannot be "{text}"', choose(text, choices))
        return None

    def table(self, key: str) -> Mapping[str, Any]:
        """A table, or an empty one where the key is missing."""
        value = self._content.get(key, {})
        if isinstance(value, dict):
            return value
        self._problems.add(self.place, f'"{key}" is not a table', "write its keys in braces or under a header")
        return {}


def texts_of(problems: Problems, place: str, value: object) -> tuple[str, ...]:
    """A text or a list of texts, each once; what is neither becomes a problem and an empty list."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) and text.strip() for text in found):
        problems.add(place, "not a text or a list of texts", 'write "Name" or ["Name", "Other"]')
        return ()
    if len(set(found)) < len(found):
        problems.add(place, "a name stands twice in the list", "remove one of the two")
    return tuple(dict.fromkeys(found))
