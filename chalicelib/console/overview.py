"""The overview: how everything does, in one look."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from chalicelib.console.asking import Answer, Asker
from chalicelib.console.call import Call
from chalicelib.console.web import Response, to_json

REFRESHED = 5  # seconds between two refreshes of the page


@dataclass(frozen=True, slots=True)
class Told:
    """How one part does.

    Attributes:
        ok: whether it does well.
        text: how, or what is wrong and what to do.
        numbers: by name; see :mod:`chalicelib.console_wiring`.
    """

    ok: bool
    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Series:
    """Values of a metric, minute by minute.

    Attributes:
        name: what it is.
        values: the oldest first; None: there was none in that minute.
    """

    name: str
    values: tuple[float | None, ...]

    @property
    def last(self) -> float | None:
        """The newest value that there is."""
        return next((value for value in reversed(self.values) if value is not None), None)

    @property
    def total(self) -> float:
        """All of them together."""
        return sum(value for value in self.values if value is not None)


@dataclass(frozen=True, slots=True)
class Direction:
    """What went in one direction.

    Attributes:
        name: for people.
        p50: median lag in seconds, from the commit of an edit to its being settled.
        p95: the lag that 95 of 100 edits stay below.
        settled: edits settled.
    """

    name: str
    p50: Series
    p95: Series
    settled: Series


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured in the last hour.

    Attributes:
        directions: lag and settled edits.
        conflicts: edits of one field on both sides.
        merged: edits carried while the other side had one of its own.
        calls_used: of Salesforce's API requests, in 24 hours.
        calls_left: how many are left.
    """

    directions: tuple[Direction, ...]
    conflicts: Series
    merged: Series
    calls_used: Series
    calls_left: Series


@dataclass(frozen=True, slots=True)
class Part:
    """One part, as the page shows it.

    Attributes:
        name: of it.
        state: ``well``, ``unwell``, or ``silent`` where it did not answer.
        text: how it does.
        numbers: see :class:`Told`.
    """

    name: str
    state: str
    text: str
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Overview:
    """How everything does.

    Attributes:
        at: when the oldest answer of it was given, seconds since the epoch.
        parts: each part.
        figures: what was measured; None: the metrics did not answer.
        silence: why the metrics did not answer.
    """

    at: float
    parts: tuple[Part, ...]
    figures: Figures | None
    silence: str

    @property
    def unwell(self) -> tuple[Part, ...]:
        """The parts that do not do well."""
        return tuple(part for part in self.parts if part.state != "well")

    def part(self, name: str) -> Part | None:
        """A part by its name."""
        return next((part for part in self.parts if part.name == name), None)

    @property
    def kinds(self) -> tuple[tuple[str, float], ...]:
        """How many issues are open, by kind."""
        found = self.part("issues")
        numbers = () if found is None else found.numbers.items()
        return tuple((kind.removeprefix("kind "), number) for kind, number in numbers if kind.startswith("kind "))

    def number(self, part: str, name: str) -> float | None:
        """A number of a part; None where it did not answer."""
        found = self.part(part)
        return None if found is None else found.numbers.get(name)


class Board:
    """Makes the overview of what the sources say.

    Args:
        asker: its sources say :class:`Told`, and ``figures`` says :class:`Figures`.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def look(self) -> Overview:
        """How everything does now, or did some seconds ago."""
        answers = dict(self._asker.ask())
        measured = answers.pop("figures", None)
        parts = tuple(_part(name, answer) for name, answer in answers.items())
        figures = measured.value if measured is not None and isinstance(measured.value, Figures) else None
        silence = "" if measured is None else measured.problem
        return Overview(min((answer.at for answer in answers.values()), default=0.0), parts, figures, silence)

    def forget(self) -> None:
        """Look anew: something was changed."""
        self._asker.forget()


def _part(name: str, answer: Answer) -> Part:
    if not isinstance(answer.value, Told):
        return Part(name, "silent", answer.problem, {})
    told = answer.value
    return Part(name, "well" if told.ok else "unwell", told.text, told.numbers)


def page(call: Call) -> Response:
    """The page."""
    return _render(call, "overview.html")


def fragment(call: Call) -> Response:
    """The part of the page that changes."""
    return _render(call, "overview_now.html")


def api(call: Call) -> Response:
    """The same for programs."""
    seen = call.parts.board.look()
    figures: Any = None if seen.figures is None else asdict(seen.figures)
    return to_json(
        {
            "at": seen.at,
            "well": not seen.unwell,
            "parts": [asdict(part) | {"numbers": dict(part.numbers)} for part in seen.parts],
            "figures": figures,
        }
    )


def _render(call: Call, template: str) -> Response:
    seen = call.parts.board.look()
    content = {"active": "overview", "seen": seen, "now": call.parts.clock.now(), "seconds": REFRESHED}
    return call.parts.pages.page(template, call.request, call.session, content)
