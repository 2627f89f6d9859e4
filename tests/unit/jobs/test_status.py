"""How each part does: when it is well, when it is not, and what is said then."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.aws.backfills import Backfill
from chalicelib.aws.state import Installation, Probe
from chalicelib.core.errors import Unavailable
from chalicelib.core.ledger import IssueKind
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Side
from chalicelib.jobs import status
from chalicelib.jobs.budget import Shares
from chalicelib.jobs.status import LATE_BACKFILL, Finding, Part, Unwell, filled, look
from chalicelib.postgres.status import CaptureStatus
from chalicelib.salesforce.client import Usage
from chalicelib.settings import Lane
from tests.unit.jobs.sample import MAPPINGS, ORG

NOW = 1_790_000_000.0
INSTALLATION = Installation(MAPPINGS, "f", ORG, "005000000000001AAA", "db1", NOW - 10_000)
YOUNG = replace(INSTALLATION, installed_at=NOW - 10)
QUIET = CaptureStatus("db1", 0, 0.0, relayed=True)
CONFLICT = IssueKind.CONFLICT


def test_every_part_is_asked_but_for_what_needs_another() -> None:
    """What answers not at all has the part's remedy, what answers and is unwell its own."""

    def away() -> str:
        raise Unavailable("no\n\tanswer")

    def unwell() -> str:
        raise Unwell("do this")

    parts = (
        Part("queues", lambda: "5", "-"),
        Part("ledger", away, "start it"),
        Part("issues", lambda: "none", "-", ("ledger", "queues")),
        Part("sweep", unwell, "-", ("queues",)),
    )
    assert look(parts) == [
        Finding("queues", ok=True, text="5"),
        Finding("ledger", ok=False, text="Unavailable: no answer; start it"),
        Finding("issues", ok=False, text="not asked, for it needs: ledger"),
        Finding("sweep", ok=False, text="do this"),
    ]


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda: status.installed(INSTALLATION, "f"), "account kept the same"),
        (lambda: status.installed(INSTALLATION, None), "account kept the same"),
        (lambda: status.installed(INSTALLATION, "g"), "the mapping file has been changed since: `install` it"),
        (lambda: status.probed(INSTALLATION, Probe(ORG, passed=True, at=1.0)), "passed"),
        (lambda: status.probed(replace(INSTALLATION, mappings=Mappings(())), None), "not needed"),
        (lambda: status.captured(INSTALLATION, QUIET), "0 captured changes wait to be relayed, a relay is at work"),
        (lambda: status.captured(INSTALLATION, replace(QUIET, relayed=False)), "no relay is at work just now"),
        (lambda: status.connected(INSTALLATION, ORG), f"org {ORG}"),
        (lambda: status.allowed(Usage(79, 100), Shares()), ", 21 of 100 API requests left today"),
        (lambda: status.allowed(Usage(80, 100), Shares()), "today; the bulk lane waits, for more than 80 % are used"),
        (
            lambda: status.queued({Lane.SALESFORCE: 2, Lane.POSTGRES: 0, Lane.BULK: 7}, dict.fromkeys(Lane, 0)),
            "2 from Salesforce, 0 from Postgres, 7 of the bulk lane on their way, none dead",
        ),
        (lambda: status.swept(INSTALLATION, {"Account": NOW - 20}, NOW), "every object, the last 20 s ago"),
        (lambda: status.swept(YOUNG, {}, NOW), "did not run yet"),
        (
            lambda: status.swept(INSTALLATION, {"Account": NOW - 1190}, NOW, stretched=True),
            "every object, the last 1190 s ago; only every 15 min, for API requests are running out",
        ),
        (lambda: status.opened({}, 3), "none open"),
        (
            lambda: status.opened({("a", CONFLICT): 1, ("b", CONFLICT): 1, ("a", IssueKind.REJECTED): 1}, 4),
            "3 open (2 CONFLICT, 1 REJECTED): `issues`",
        ),
        (lambda: status.opened({("a", CONFLICT): 4, ("b", CONFLICT): 1}, 4), "at least 5 open"),
    ],
)
def test_a_part_that_is_well_says_how(ask: Callable[[], str], text: str) -> None:
    """In a line."""
    assert text in ask()


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda: status.installed(None, None), "manage.py install"),
        (lambda: status.installed(replace(INSTALLATION, changing=True), None), "not finished.*manage.py install"),
        (lambda: status.probed(INSTALLATION, None), "manage.py probe"),
        (lambda: status.captured(INSTALLATION, replace(QUIET, database="db2")), "db2, not db1: nothing is written"),
        (
            lambda: status.captured(INSTALLATION, replace(QUIET, depth=7, age=61.0)),
            "7 captured .* waits for 61 s: .*relay",
        ),
        (lambda: status.connected(INSTALLATION, "other"), "org other, not"),
        (lambda: status.allowed(Usage(98, 100), Shares()), "98 of 100 API requests .* go on by themselves"),
        (
            lambda: status.queued(dict.fromkeys(Lane, 0), {Lane.SALESFORCE: 0, Lane.POSTGRES: 3, Lane.BULK: 1}),
            "3 from Postgres, 1 of the bulk lane dead, .*take_postgres_dead_letters, take_bulk_dead_letters",
        ),
        (lambda: status.swept(INSTALLATION, {"Account": NOW - 400}, NOW), "Account: no sweep for 7 min"),
        (lambda: status.swept(INSTALLATION, {}, NOW), "Account: no sweep for 167 min"),
        (
            lambda: status.swept(INSTALLATION, {"Account": NOW - 1210}, NOW, stretched=True),
            "Account: no sweep for 20 min",
        ),
    ],
)
def test_a_part_that_is_unwell_says_what_to_do(ask: Callable[[], str], text: str) -> None:
    """And is not taken for well."""
    with pytest.raises(Unwell, match=text):
        ask()


BEGUN = Backfill("account", "ann", NOW, totals={Side.SALESFORCE: 2000, Side.POSTGRES: 5}, seen={Side.SALESFORCE: 1500})


def test_a_backfill_is_told_of_while_it_is_under_way() -> None:
    """How far it is; one that is finished is not told of any more."""
    assert filled([], NOW) == "none under way"
    assert filled([replace(BEGUN, updated_at=NOW, finished_at=NOW)], NOW) == "none under way"
    assert filled([replace(BEGUN, updated_at=NOW - 1)], NOW) == "account by ann, 1,500 of 2,005 told of"


def test_a_backfill_that_nobody_goes_on_with_is_unwell() -> None:
    """With what goes on with it."""
    with pytest.raises(Unwell, match="1,500 of 2,005 told of: `backfill account` goes on"):
        filled([replace(BEGUN, updated_at=NOW - LATE_BACKFILL - 1)], NOW)
