"""The commands of whoever looks after records, on the real settle step between two systems in memory."""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from chalicelib import desk, pages
from chalicelib.aws.state import Installation
from chalicelib.commands import parsed
from chalicelib.core.errors import Rejected, Unavailable
from chalicelib.core.ledger import IssueKind
from chalicelib.core.model import Side
from chalicelib.core.ports import Clock
from chalicelib.core.settle import Settler
from chalicelib.jobs.acting import Acting
from chalicelib.jobs.names import Names
from chalicelib.jobs.operators import Operators
from chalicelib.jobs.reverting import Reverting
from chalicelib.wiring import Wiring
from tests.fakes.archive import MemoryArchive
from tests.fakes.ledger import MemoryLedger
from tests.unit.core.scene import Pair, Scene

Output = pytest.CaptureFixture[str]
OURS, THEIRS = "Acme Ltd", "Acme Inc"


class Desk:
    """A wiring on a scene; while a command waits, ``meanwhile`` happens."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.archive = MemoryArchive(self.scene.ledger)
        self.meanwhile: Callable[[], object] = self.scene.drain

    @property
    def ledger(self) -> MemoryLedger:
        """The ledger."""
        return self.scene.ledger

    @property
    def clock(self) -> Clock:
        """The time, in which things happen."""
        return cast("Clock", self)

    def now(self) -> float:
        """The scene's time."""
        return self.scene.clock.now()

    def sleep(self, seconds: float) -> None:
        """Let something happen."""
        self.scene.clock.advance(seconds)
        self.meanwhile()

    def installed(self) -> Installation:
        """The scene's mappings."""
        return Installation(self.scene.mappings, "f", "org", "user", "database", 1.0)

    def names(self) -> Names:
        """Finds what people name."""
        return Names(self.scene.mappings, self.ledger, self.archive)

    def operators(self) -> Operators:
        """A person's actions."""
        scene = self.scene
        return Operators(
            mappings=scene.mappings, ledger=scene.ledger, issues=self.archive, hints=scene.hints, clock=scene.clock
        )

    def acting(self) -> Acting:
        """What people do about issues."""
        scene = self.scene
        return Acting(mappings=scene.mappings, ledger=scene.ledger, archive=self.archive, operators=self.operators())

    def reverting(self) -> Reverting:
        """Puts earlier values back."""
        scene = self.scene
        return Reverting(
            mappings=scene.mappings,
            ledger=scene.ledger,
            archive=self.archive,
            clock=scene.clock,
            wake=self.operators().wake,
        )

    def settler(self) -> Settler:
        """The settle step."""
        return self.scene.settler

    def run(self, *arguments: str) -> int:
        """Run a command."""
        actor = ["--actor", "ann"] if arguments[0] in {"ignore", "resolve", "revert"} else []
        options: argparse.Namespace = parsed([*arguments, *actor])
        return options.command(cast("Wiring", self), options) or 0


@pytest.fixture
def at_desk() -> Desk:
    """A desk with nothing on it."""
    return Desk()


def in_conflict(at_desk: Desk, **more: str) -> Pair:
    """An account whose name was edited on both sides."""
    scene = at_desk.scene
    pair = scene.linked(Name="Acme", **more)
    scene.edit_both(pair, {"Name": OURS}, {"Name": THEIRS})
    scene.drain()
    return pair


def shown(at_desk: Desk) -> str:
    """The id of the one open issue."""
    [issue] = at_desk.scene.open_issues()
    return issue.id


# --- lists


def test_no_issue_is_said_to_be_none(at_desk: Desk, capsys: Output) -> None:
    """An empty list is no empty output."""
    for arguments, text in (((), "no open issues"), (("--closed",), "no closed issues"), (("--all",), "no issues")):
        assert at_desk.run("issues", *arguments) == 0
        assert capsys.readouterr().out == f"{text}\n"
    at_desk.run("issues", "--json")
    assert json.loads(capsys.readouterr().out) == []


def test_an_issue_is_a_line(at_desk: Desk, capsys: Output) -> None:
    """With all that tells it from others: kind, mapping, record, fields, age, both values."""
    pair = in_conflict(at_desk)
    at_desk.scene.clock.advance(130.0)
    at_desk.run("issues")
    told = capsys.readouterr().out
    for part in (shown(at_desk), "CONFLICT", "account", pair.sfid, "Name", "2 min old", OURS, THEIRS):
        assert str(part) in told
    assert told.count("\n") == 1


def test_closed_issues_are_listed_too(at_desk: Desk, capsys: Output) -> None:
    """Those born closed among them; the last closed first, with the reason."""
    scene = at_desk.scene
    pair = scene.linked(Name="Acme")
    scene.delete_postgres(pair)
    scene.edit_salesforce(pair, Name="Acme AG")
    scene.drain()
    other = in_conflict(at_desk)
    at_desk.run("issues")
    assert capsys.readouterr().out.count("\n") == 1
    at_desk.run("issues", "--closed")
    told = capsys.readouterr().out
    assert ("DELETE_EDIT" in told, "the record was kept" in told, "closed" in told) == (True, True, True)
    at_desk.run("issues", "--all")
    first, second = capsys.readouterr().out.splitlines()
    assert (str(other.sfid) in first, str(pair.sfid) in second) == (True, True)


def test_a_list_is_read_page_by_page(at_desk: Desk, capsys: Output) -> None:
    """Each page says where the next begins, the last one nothing."""
    listed, after = [], []
    for _ in range(3):
        in_conflict(at_desk)
    closed = shown_all(at_desk)[0]
    at_desk.run("resolve", closed, "--take", "postgres")
    capsys.readouterr()
    for _ in range(3):
        at_desk.run("issues", "--all", "--limit", "1", *after)
        line, *more = capsys.readouterr().out.splitlines()
        listed.append(line.split()[0])
        after = ["--after", listed[-1]]
        assert more == ([] if len(listed) == 3 else [f"there are more: --after {listed[-1]}"])
    assert (listed[-1], len(set(listed))) == (closed, 3)
    at_desk.run("issues", "--all", *after)
    assert capsys.readouterr().out == ""
    with pytest.raises(Rejected, match="no issue i9 to go on after"):
        at_desk.run("issues", "--after", "i9")


def shown_all(at_desk: Desk) -> list[str]:
    """The ids of all open issues."""
    return [issue.id for issue in at_desk.scene.open_issues()]


def test_a_list_is_narrowed(at_desk: Desk, capsys: Output) -> None:
    """By mapping and by kind; a mapping that is not there is named with those that are."""
    in_conflict(at_desk)
    for arguments, count in (
        (("--mapping", "account"), 1),
        (("--mapping", "contact"), 0),
        (("--kind", "conflict"), 1),
        (("--kind", "rejected"), 0),
    ):
        at_desk.run("issues", "--json", *arguments)
        assert len(json.loads(capsys.readouterr().out)) == count
    with pytest.raises(Rejected, match="is no moment"):
        at_desk.run("issues", "--from", "yesterday")
    with pytest.raises(Rejected, match='did you mean "account"'):
        at_desk.run("issues", "--mapping", "acount")


def test_a_list_is_bounded_by_time_and_turned_round(at_desk: Desk, capsys: Output) -> None:
    """The first moment is in it, the last is not; the newest comes first where that is asked for."""
    for _ in range(3):
        in_conflict(at_desk)
        at_desk.scene.clock.advance(60.0)
    opened = [(one.id, pages.moment(one.opened_at).removesuffix("Z")) for one in at_desk.scene.open_issues()]
    for arguments, expected in (
        (("--newest",), [2, 1, 0]),
        (("--from", opened[1][1]), [1, 2]),
        (("--to", opened[1][1]), [0]),
        (("--newest", "--from", opened[1][1], "--limit", "1"), [2]),
        (("--newest", "--after", opened[2][0], "--from", opened[1][1]), [1]),
    ):
        at_desk.run("issues", "--json", *arguments)
        listed = [issue["id"] for issue in json.loads(capsys.readouterr().out)]
        assert listed == [opened[number][0] for number in expected]


# --- pages


def test_an_issue_is_a_page(at_desk: Desk, capsys: Output) -> None:
    """What was agreed, what both sides hold, and what to do."""
    in_conflict(at_desk)
    at_desk.run("show", shown(at_desk))
    told = capsys.readouterr().out
    for part in (
        "agreed        Acme\n",
        f"Salesforce    {THEIRS}",
        f"Postgres      {OURS}",
        f"resolve {shown(at_desk)} --take",
    ):
        assert part in told
    at_desk.run("show", shown(at_desk), "--json")
    assert json.loads(capsys.readouterr().out)["postgres"] == {"Name": OURS}


def test_a_record_is_a_page(at_desk: Desk, capsys: Output) -> None:
    """Named by either side: what is known of it, its issues, and who overwrote what."""
    pair = in_conflict(at_desk, Phone="1")
    at_desk.scene.edit_salesforce(pair, Phone="2")
    at_desk.scene.drain()
    for name in (str(pair.sfid), f"public.account:{(pair.pk or ())[0]}"):
        at_desk.run("show", name)
        told = capsys.readouterr().out
        for part in (
            "on both sides",
            "Phone         2\n",
            "CONFLICT",
            OURS,
            THEIRS,
            "Postgres: edit of Salesforce by",
            "Phone: 1 -> 2",
        ):
            assert part in told
    at_desk.run("show", str(pair.sfid), "--json")
    assert json.loads(capsys.readouterr().out).keys() == {"entry", "issues", "history"}


def test_what_is_not_known_has_no_page(at_desk: Desk) -> None:
    """The text says how to name it, or to settle it first."""
    with pytest.raises(Rejected, match="settle account:99"):
        at_desk.run("show", "account:99")
    pair = in_conflict(at_desk)
    del at_desk.ledger.entries[at_desk.scene.key(pair)]
    with pytest.raises(Rejected, match=r"not know .* any more"):
        at_desk.run("show", str(pair.sfid))


# --- decisions


def test_an_issue_is_ignored(at_desk: Desk, capsys: Output) -> None:
    """With a reason; it stands in a list of its own then, and is not ignored twice."""
    pair = in_conflict(at_desk)
    issue = shown(at_desk)
    assert at_desk.run("ignore", issue, "--reason", "both are right") == 0
    at_desk.scene.drain()
    assert at_desk.run("ignore", issue, "--reason", "again") == desk.FAILED
    for which, listed in (("--ignored", True), ("--closed", False), ("--all", True)):
        capsys.readouterr()
        at_desk.run("issues", which)
        assert (issue in capsys.readouterr().out) is listed
    assert at_desk.scene.both(pair, "Name") == (OURS, THEIRS)
    with pytest.raises(Rejected, match="to go on after"):
        at_desk.run("issues", "--after", issue)


def test_a_decision_is_waited_for(at_desk: Desk, capsys: Output) -> None:
    """Until both sides hold it."""
    pair = in_conflict(at_desk)
    assert at_desk.run("resolve", shown(at_desk), "--take", "salesforce") == 0
    assert capsys.readouterr().out == f"decided by ann: Name = {THEIRS}\nsettled: both sides hold Name = {THEIRS}\n"
    assert at_desk.scene.both(pair, "Name") == (THEIRS, THEIRS)


def test_values_of_one_s_own_need_no_quoting(at_desk: Desk, capsys: Output) -> None:
    """One for each field of a group; nothing after the sign is null."""
    scene = at_desk.scene
    pair = scene.linked(City="Ulm", Zip="1")
    scene.edit_both(pair, {"City": "Bonn"}, {"Zip": "2"})
    scene.drain()
    issue = shown(at_desk)
    for values, reason in (
        (["City=Kiel"], "a value is missing for Zip: City, Zip merge as one"),
        (["City=Kiel", "Name=x"], '"Name" is not in question: the issue is about City, Zip'),
        (["City=Kiel", "City=x"], '"City" is given twice'),
        (["Kiel"], '"Kiel" is not FIELD=VALUE'),
    ):
        with pytest.raises(Rejected, match=reason):
            at_desk.run("resolve", issue, *(part for value in values for part in ("--value", value)))
    assert at_desk.run("resolve", issue, "--value", "City=Kiel=am See", "--value", "Zip=") == 0
    assert "City = Kiel=am See, Zip = (empty)" in capsys.readouterr().out
    assert scene.both(pair, "City", "Zip") == (("Kiel=am See", None), ("Kiel=am See", None))


def test_a_decision_that_came_too_late_shows_what_is_there_now(at_desk: Desk, capsys: Output) -> None:
    """A side moved between the look and the decision's carrying out."""
    pair = in_conflict(at_desk)

    def moved() -> None:
        at_desk.scene.edit_postgres(pair, Name="Acme AG")
        at_desk.scene.drain()

    at_desk.meanwhile = moved
    assert at_desk.run("resolve", shown(at_desk), "--take", "salesforce") == desk.FAILED
    told = capsys.readouterr().out
    assert "not carried out: a side has moved" in told
    assert "Postgres      Acme AG" in told


def test_a_decision_that_a_system_refuses_is_told_in_its_words(at_desk: Desk, capsys: Output) -> None:
    """The conflict is open, and may be decided anew; a refusal from before is not taken for one of now."""
    pair = in_conflict(at_desk)
    at_desk.scene.records.refusals.append(
        lambda save: Rejected("no such name", code="RULE", fields=("Name",)) if save.after["Name"] == "x" else None
    )
    issue = shown(at_desk)
    assert at_desk.run("resolve", issue, "--value", "Name=x") == desk.FAILED
    assert "refused: RULE no such name\n" in capsys.readouterr().out
    assert at_desk.run("resolve", issue, "--value", "Name=y") == 0
    assert at_desk.scene.both(pair, "Name") == ("y", "y")


def test_a_decision_that_somebody_overtakes_is_told(at_desk: Desk, capsys: Output) -> None:
    """By another decision, or because the users agreed themselves."""
    pair = in_conflict(at_desk)
    issue = shown(at_desk)

    def decided() -> None:
        entry = at_desk.scene.entry(pair)
        answer = replace(entry.answers["Name"], id="other", actor="bob")
        at_desk.ledger.entries[entry.key] = replace(entry, answers={"Name": answer})

    at_desk.meanwhile = decided
    assert at_desk.run("resolve", issue, "--take", "salesforce") == desk.FAILED
    assert "bob has decided otherwise" in capsys.readouterr().out
    with pytest.raises(Rejected, match="bob has decided it already"):
        at_desk.run("resolve", issue, "--take", "salesforce")
    other = in_conflict(at_desk)
    issue = shown_all(at_desk)[-1]

    def agreed() -> None:
        at_desk.scene.edit_postgres(other, Name=THEIRS)
        at_desk.scene.drain()

    at_desk.meanwhile = agreed
    assert at_desk.run("resolve", issue, "--value", "Name=z") == desk.FAILED
    assert "not carried out: both sides hold the same value" in capsys.readouterr().out


def test_a_decision_may_take_longer(at_desk: Desk, capsys: Output) -> None:
    """Nobody waits for ever, and nobody has to wait at all; what is under way is not decided twice."""
    in_conflict(at_desk)
    at_desk.meanwhile = lambda: None
    issue = shown(at_desk)
    before = at_desk.now()
    assert at_desk.run("resolve", issue, "--take", "salesforce", "--wait", "3") == desk.UNFINISHED
    assert 3.0 <= at_desk.now() - before < 4.0
    assert f"not carried out within 3 s; `show {issue}`" in capsys.readouterr().out
    with pytest.raises(Rejected, match="ann has decided it already"):
        at_desk.run("resolve", issue, "--take", "postgres")
    at_desk.scene.drain()
    in_conflict(at_desk)
    before = at_desk.now()
    assert at_desk.run("resolve", shown(at_desk), "--take", "salesforce", "--no-wait") == 0
    assert at_desk.now() == before


def test_a_decision_that_never_got_through_is_said_to_be_none(at_desk: Desk, capsys: Output) -> None:
    """The issue is as it was shown: no side has moved."""
    pair = in_conflict(at_desk)

    def dropped() -> None:
        entry = at_desk.scene.entry(pair)
        at_desk.ledger.entries[entry.key] = replace(entry, answers={})

    at_desk.meanwhile = dropped
    assert at_desk.run("resolve", shown(at_desk), "--take", "salesforce") == desk.FAILED
    assert "the record's other issues may say why" in capsys.readouterr().out


# --- tries


def test_a_record_is_settled_by_any_of_its_names(at_desk: Desk, capsys: Output) -> None:
    """One that the ledger does not know too."""
    pair = at_desk.scene.insert_postgres(Name="Acme")
    assert at_desk.run("settle", f"public.account:{(pair.pk or ())[0]}") == 0
    assert capsys.readouterr().out == "settled\n"
    at_desk.scene.find(pair)
    assert at_desk.run("settle", str(pair.sfid)) == 0
    assert capsys.readouterr().out == "unchanged\n"


def test_a_record_that_cannot_be_settled_now_says_why(at_desk: Desk, capsys: Output) -> None:
    """And the exit status tells scripts."""
    pair = in_conflict(at_desk)

    def away(_hints: Any) -> None:
        raise Unavailable("no answer")

    at_desk.scene.rows.read = away  # type: ignore[method-assign, assignment]
    assert at_desk.run("settle", str(pair.sfid)) == desk.FAILED
    assert capsys.readouterr().out == "retry: Unavailable: no answer\n"


def test_a_refusal_is_a_line_in_the_system_s_words(at_desk: Desk, capsys: Output) -> None:
    """Whatever it is about."""
    scene = at_desk.scene
    pair = scene.linked(Name="Acme")
    scene.records.refusals.append(lambda save: Rejected("no such name", code="RULE", fields=("Name",)))
    scene.edit_postgres(pair, Name=OURS)
    scene.drain()
    at_desk.run("issues", "--kind", "rejected")
    assert "RULE no such name" in capsys.readouterr().out


def test_what_was_refused_is_sent_once_more(at_desk: Desk, capsys: Output) -> None:
    """And it is told who refused it."""
    scene = at_desk.scene
    pair = scene.linked(Name="Acme")
    scene.records.refusals.append(lambda save: Rejected("no", code="RULE", fields=("Name",)))
    scene.edit_postgres(pair, Name=OURS)
    scene.drain()
    scene.records.refusals.clear()
    at_desk.run("show", str(pair.sfid))
    told = capsys.readouterr().out
    assert "refused         by Salesforce: Name" in told
    assert "RULE no" in told
    assert at_desk.run("retry", shown(at_desk)) == 0
    assert "what Salesforce refused is being sent once more" in capsys.readouterr().out
    scene.drain()
    assert scene.both(pair, "Name") == (OURS, OURS)
    assert at_desk.run("retry", str(pair.sfid)) == 0
    assert "nothing of this record was refused" in capsys.readouterr().out


def test_what_no_try_changes_is_not_tried(at_desk: Desk) -> None:
    """A conflict waits for a decision, and what is closed is over."""
    in_conflict(at_desk)
    issue = shown(at_desk)
    with pytest.raises(Rejected, match=r"CONFLICT issue is not tried again: .* `resolve`"):
        at_desk.run("retry", issue)
    at_desk.run("resolve", issue, "--take", Side.POSTGRES)
    with pytest.raises(Rejected, match=r"is closed \(a person decided: ann\)"):
        at_desk.run("retry", issue)


def test_a_child_looks_for_its_parent_again(at_desk: Desk, capsys: Output) -> None:
    """The parent may have come by a way that woke nobody."""
    in_conflict(at_desk)
    issue = at_desk.ledger.issues[shown(at_desk)]
    at_desk.archive.report(replace(issue, id="i2", slot="*parent", kind=IssueKind.PARENT_MISSING))
    assert at_desk.run("retry", "i2") == 0
    assert "looks for its parent" in capsys.readouterr().out
