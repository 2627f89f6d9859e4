"""What the backfill says while it runs, and while what it told of is settled."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from chalicelib import filling
from chalicelib.aws.backfills import Backfill
from chalicelib.core.model import Side
from chalicelib.filling import backfill
from chalicelib.wiring import Wiring
from tests.fakes.clock import FakeClock

BEGUN = Backfill("account", "ann", 0.0, totals={Side.SALESFORCE: 4000, Side.POSTGRES: 1}, seen=dict.fromkeys(Side, 0))


@dataclass
class Slow:
    """A wiring whose backfill takes a second for a page, and whose queue empties by and by."""

    clock: FakeClock = field(default_factory=FakeClock)
    left: list[int] = field(default_factory=lambda: [7, 6, 5, 4, 3, 2, 0])

    def run(self, names: Sequence[str], actor: str, *, restart: bool) -> Iterator[Backfill]:
        """Three pages."""
        assert (names, actor, restart) == (["account"], "ann", False)
        for seen in (0, 2000, 4000):
            yield replace(BEGUN, seen={Side.SALESFORCE: seen, Side.POSTGRES: 0})
            self.clock.advance(1.0)
        yield replace(BEGUN, seen=BEGUN.totals, finished_at=3.0)

    def waiting(self) -> int:
        """What is left."""
        return self.left.pop(0)


@contextmanager
def itself(slow: Wiring) -> Iterator[Wiring]:
    """In place of what connects to the database."""
    yield slow


@pytest.fixture(autouse=True)
def without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is the wiring itself."""
    monkeypatch.setattr(filling, "backfilling", itself)


def said(capsys: pytest.CaptureFixture[str], **options: Any) -> list[str]:
    """The lines of a run."""
    given = argparse.Namespace(**{"mapping": ["account"], "actor": "ann", "restart": False, "no_wait": False} | options)
    backfill(cast("Wiring", Slow()), given)
    return capsys.readouterr().out.splitlines()


def test_it_tells_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Now and then, and at the end of each mapping."""
    assert said(capsys, no_wait=True) == [
        "account: 0 of 4,000 in Salesforce, 0 of 1 in Postgres",
        "account: 4,000 of 4,000 in Salesforce, 0 of 1 in Postgres",
        "account: 4,000 of 4,000 in Salesforce, 1 of 1 in Postgres; all told of",
    ]


def test_it_waits_until_everything_is_settled(capsys: pytest.CaptureFixture[str]) -> None:
    """And tells what is left, now and then."""
    assert said(capsys)[3:] == [
        "7 messages are still to be settled; to stop waiting changes nothing",
        "3 messages are still to be settled; to stop waiting changes nothing",
        "everything that was told of is settled; `issues` lists what waits for a person",
    ]
