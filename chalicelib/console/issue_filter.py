"""What a list of issues is narrowed to, as an address has it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import IssueKind
from chalicelib.core.listing import IssueState, Wanted


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to, as its form has it; empty texts narrow nothing."""

    state: str = "open"
    mapping: str = ""
    kind: str = ""
    since: str = ""
    until: str = ""
    order: str = "oldest"
    cursor: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filter":
        """The filter of an address."""
        names = {"since": "from", "until": "to"}
        given = {name: query.get(names.get(name, name), "") for name in cls.__slots__}
        return cls(**{name: value for name, value in given.items() if value})

    def wanted(self, mappings: Sequence[str]) -> Wanted:
        """Which issues it means.

        Raises:
            Rejected: there is no such state, mapping, kind, day or order.
        """
        _known("state", self.state, tuple(IssueState))
        _known("order", self.order, ("oldest", "newest"))
        if self.kind:
            _known("kind", self.kind, tuple(IssueKind))
        if self.mapping:
            _known("mapping", self.mapping, tuple(mappings))
        names = (self.mapping,) if self.mapping else (*mappings, "")
        return Wanted(
            IssueState(self.state),
            names if self.mapping or self.kind else (),
            (IssueKind(self.kind),) if self.kind else (),
            _day(self.since),
            None if not self.until else (_day(self.until) or 0.0) + 86_400.0,
            newest_first=self.order == "newest",
        )

    def address(self, **changes: str) -> str:
        """The query of the same list, but for these."""
        changed = replace(self, **{"cursor": "", **changes})
        pairs = {
            "state": changed.state,
            "mapping": changed.mapping,
            "kind": changed.kind,
            "from": changed.since,
            "to": changed.until,
            "order": changed.order,
            "cursor": changed.cursor,
        }
        return urlencode({name: value for name, value in pairs.items() if value})


def _known(what: str, given: str, known: Iterable[str]) -> None:
    names = [str(name) for name in known]
    if given not in names:
        raise Rejected(f'"{given}" is no {what}: there are {", ".join(names)}')


def _day(text: str) -> float | None:
    """When a day begins in UTC, or a moment; seconds since the epoch."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected(f'"{text}" is no day: write it as 2026-11-24') from None
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
