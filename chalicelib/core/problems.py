"""Problems of a mapping, gathered so that a person sees all of them at once: file, place, what is wrong, remedy."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from chalicelib.core.errors import MappingError

_SHOWN = 12  # names listed where no known one is close


@dataclass
class Problems:
    """A list that grows; one line a problem.

    Attributes:
        file: the mapping file's name, the start of each line.
        lines: what must be mended.
        warnings: what works, but not for every value.
    """

    file: str
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, place: str, what: str, remedy: str) -> None:
        """Note a problem: the TOML table and key, what is wrong there, and what a person can do."""
        self.lines.append(f"{self.file}: {place}: {what}; {remedy}")

    def warn(self, place: str, what: str, remedy: str) -> None:
        """Note a warning."""
        self.warnings.append(f"{self.file}: {place}: {what}; {remedy}")

    def check(self) -> None:
        """Raise where there is a problem.

        Raises:
            MappingError: with every problem.
        """
        if self.lines:
            raise MappingError(self.lines)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a mistyped one may mean; None: none is close."""
    names = {name.lower(): name for name in sorted(known)}
    close = get_close_matches(word.lower(), names, n=1)
    return names[close[0]] if close else None


def choose(word: str, known: Iterable[str]) -> str:
    """A remedy for a name that is not known: the closest that is, or a list."""
    names = sorted({name.lower(): name for name in sorted(known)}.values(), key=str.lower)
    close = closest(word, names)
    if close is not None:
        return f'did you mean "{close}"?'
    if not names:
        return "there is none"
    shown = names[:_SHOWN]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"there is {', '.join(shown)}{more}"
