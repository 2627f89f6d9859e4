"""People act on issues, on the real settle step between two systems in memory."""

from dataclasses import replace

import pytest

from chalicelib.core.acts import Deed, Outcome, Result, Wish, version_of
from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Side
from chalicelib.jobs.acting import MOST, Acting
from chalicelib.jobs.operators import Operators
from tests.fakes.archive import MemoryArchive
from tests.unit.core.parking import parked
from tests.unit.core.scene import Pair, Scene
from tests.unit.core.test_answers import OURS, THEIRS, in_conflict
from tests.unit.core.test_automation import storm


def acting(scene: Scene, mappings: Mappings | None = None) -> Acting:
    """What people do about the issues of a scene."""
    archive, mappings = MemoryArchive(scene.ledger), mappings or scene.mappings
    operators = Operators(mappings=mappings, ledger=scene.ledger, issues=archive, hints=scene.hints, clock=scene.clock)
    return Acting(mappings=mappings, ledger=scene.ledger, archive=archive, operators=operators)


class Office:
    """A scene with one open issue, and a person in front of it."""

    def __init__(self, made: tuple[Scene, Pair]) -> None:
        self.scene, self.pair = made
        self.acting = acting(self.scene)
        [self.issue] = self.scene.open_issues()

    def wish(self, deed: Deed, **parts: object) -> Wish:
        """What a person wants who sees the issue as it was first."""
        return replace(Wish(self.issue.id, version_of(self.issue), deed), **parts)  # type: ignore[arg-type]

    def act(self, deed: Deed, actor: str = "ann", **parts: object) -> Result:
        """Do it, and have it carried out."""
        result = self.acting.act(self.wish(deed, **parts), actor)
        self.scene.drain()
        return result


@pytest.fixture
def office() -> Office:
    """An account that was named anew on both sides."""
    return Office(in_conflict())


TYPED = {"texts": {"Name": "Acme Co"}}
PICKED = {"picks": {"Name": Side.POSTGRES}}


@pytest.mark.parametrize(
    ("deed", "parts", "expected", "written"),
    [
        (Deed.SALESFORCE, {}, THEIRS, (Side.POSTGRES,)),
        (Deed.POSTGRES, {}, OURS, (Side.SALESFORCE,)),
        (Deed.VALUES, TYPED, "Acme Co", tuple(Side)),
        (Deed.VALUES, PICKED, OURS, (Side.SALESFORCE,)),
        (Deed.VALUES, TYPED | PICKED, "Acme Co", tuple(Side)),
    ],
)
def test_what_is_previewed_is_written(
    office: Office, deed: Deed, parts: dict[str, object], expected: str, written: tuple[Side, ...]
) -> None:
    """The value, and the sides that get it; nothing is stored before."""
    preview = office.acting.preview(office.wish(deed, **parts))
    [field] = preview.fields
    assert (field.value, field.written) == (expected, tuple(side for side in Side if side in written))
    assert field.held == {Side.SALESFORCE: THEIRS, Side.POSTGRES: OURS}
    assert all(side.title() in preview.text for side in written)
    assert office.scene.entry(office.pair).answers == {}
    result = office.act(deed, **parts)
    assert (result.outcome, office.scene.both(office.pair, "Name")) == (Outcome.TAKEN, (expected, expected))
    assert [one.actor for one in office.scene.ledger.history] == ["ann"] * len(written)


def test_ignoring_is_previewed_and_done(office: Office) -> None:
    """Nothing is written."""
    preview = office.acting.preview(office.wish(Deed.IGNORE, reason="both are  right\n"))
    assert (preview.fields, preview.text.startswith("Nothing is written")) == ((), True)
    assert office.act(Deed.IGNORE, reason="both are  right\n").outcome is Outcome.TAKEN
    [issue] = office.scene.issues()
    assert (issue.ignored, issue.reason) == (True, "ann ignores it: both are right")


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 501])
def test_ignoring_needs_a_reason(office: Office, reason: str) -> None:
    """One that can be read."""
    with pytest.raises(Rejected, match="say why"):
        office.acting.preview(office.wish(Deed.IGNORE, reason=reason))
    assert office.act(Deed.IGNORE, reason=reason).outcome is Outcome.REFUSED


def test_a_refused_write_is_retried_or_ignored() -> None:
    """It is not decided by a value."""
    office = Office(parked())
    view = office.acting.view(office.issue.id)
    assert view is not None
    assert view.deeds == (Deed.RETRY, Deed.IGNORE)
    assert office.acting.preview(office.wish(Deed.RETRY)).fields == ()
    assert office.act(Deed.SALESFORCE).text == "a REJECTED issue is not decided so"
    office.scene.records.refusals.clear()
    assert office.act(Deed.RETRY).outcome is Outcome.TAKEN
    assert office.scene.both(office.pair, "Name") == ("bad", "bad")


def test_a_storm_may_be_ignored() -> None:
    """Both forms stay."""
    office = Office(storm())
    office.act(Deed.IGNORE, reason="known")
    assert [one.ignored for one in office.scene.issues()] == [True]


def test_what_waits_for_a_parent_is_not_ignored(office: Office) -> None:
    """Nor is a column that cannot be read: every pass would tell of it anew."""
    operators = office.acting._operators
    for kind in (IssueKind.PARENT_MISSING, IssueKind.REJECTED):
        with pytest.raises(Rejected, match="is not ignored"):
            operators.ignore(replace(office.issue, kind=kind), "so", "ann")


@pytest.mark.parametrize("deed", [Deed.SALESFORCE, Deed.IGNORE])
def test_a_record_that_moved_meanwhile_is_shown_as_it_is(office: Office, deed: Deed) -> None:
    """The person decided something else: nothing is done."""
    office.scene.edit_postgres(office.pair, Name="Acme AG")
    office.scene.drain()
    result = office.act(deed, reason="so")
    assert (result.outcome, result.issue and result.issue.postgres) == (Outcome.MOVED, {"Name": "Acme AG"})
    assert office.scene.both(office.pair, "Name") == ("Acme AG", THEIRS)


@pytest.mark.parametrize(
    ("deed", "parts", "how"),
    [
        (Deed.SALESFORCE, {}, "bob was faster: the values of Salesforce are being taken"),
        (Deed.POSTGRES, {}, "bob was faster: the values of Postgres are being taken"),
        (Deed.VALUES, TYPED, "bob was faster: other values are being written"),
        (Deed.IGNORE, {"reason": "so"}, "bob was faster: the issue is being closed as ignored (so)"),
    ],
)
def test_of_two_persons_one_is_told_who_was_faster(
    office: Office, deed: Deed, parts: dict[str, object], how: str
) -> None:
    """And how it was decided; once it is carried out, by the issue's reason."""
    office.acting.act(office.wish(deed, **parts), "bob")
    result = office.acting.act(office.wish(Deed.SALESFORCE), "ann")
    assert (result.outcome, result.text) == (Outcome.BEATEN, how)
    view = office.acting.view(office.issue.id)
    assert view is not None
    assert view.waiting is not None
    assert view.waiting.actor == "bob"
    office.scene.drain()
    late = office.act(Deed.SALESFORCE)
    assert (late.outcome, "bob" in late.text) == (Outcome.BEATEN, True)


def test_who_is_faster_between_the_look_and_the_write_wins(office: Office) -> None:
    """The ledger's own condition tells, and what is there by then is shown."""
    answer = office.scene.ledger.answer

    def meanwhile(*arguments: object) -> object:
        office.scene.ledger.answer = answer  # type: ignore[method-assign]
        office.acting.act(office.wish(Deed.POSTGRES), "bob")
        return answer(*arguments)  # type: ignore[arg-type]

    office.scene.ledger.answer = meanwhile  # type: ignore[method-assign, assignment]
    result = office.acting.act(office.wish(Deed.SALESFORCE), "ann")
    assert (result.outcome, "bob" in result.text) == (Outcome.BEATEN, True)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({}, "choose a value for Name"),
        ({"texts": {"Phone": "1"}}, '"Phone" is not in question'),
        ({"texts": {"Name": "a\0b"}}, "Name"),
    ],
)
def test_a_value_that_cannot_be_written_is_refused(office: Office, parts: dict[str, object], text: str) -> None:
    """With the reason, before anything is stored."""
    with pytest.raises(Rejected, match=text):
        office.acting.preview(office.wish(Deed.VALUES, **parts))
    assert office.act(Deed.VALUES, **parts).outcome is Outcome.REFUSED


def test_an_issue_that_is_not_there_is_said_so(office: Office) -> None:
    """Or is over."""
    assert office.acting.act(Wish("nothing", "", Deed.RETRY), "ann").outcome is Outcome.REFUSED
    assert office.acting.view("nothing") is None
    with pytest.raises(Rejected, match="no such issue"):
        office.acting.preview(Wish("nothing", "", Deed.RETRY))
    office.act(Deed.SALESFORCE)
    with pytest.raises(Rejected, match="closed: a person decided: ann"):
        office.acting.preview(office.wish(Deed.SALESFORCE))
    view = office.acting.view(office.issue.id)
    assert view is not None
    assert view.deeds == ()


def test_a_field_that_is_mapped_no_more_is_not_decided(office: Office) -> None:
    """What the issue tells of can still be read."""
    bare = acting(office.scene, Mappings(()))
    view = bare.view(office.issue.id)
    assert view is not None
    assert view.deeds == (Deed.IGNORE,)
    assert bare.act(office.wish(Deed.IGNORE, reason="so"), "ann").outcome is Outcome.REFUSED
    with pytest.raises(Rejected, match="any more"):
        bare.preview(office.wish(Deed.VALUES, **TYPED))


def test_several_are_acted_on_at_once(office: Office) -> None:
    """Each for itself, and no more than one request can bear."""
    results = office.acting.act_on([office.wish(Deed.SALESFORCE), Wish("nothing", "", Deed.RETRY)], "ann")
    assert [one.outcome for one in results] == [Outcome.TAKEN, Outcome.REFUSED]
    with pytest.raises(Rejected, match="at most 25"):
        office.acting.act_on([office.wish(Deed.SALESFORCE)] * (MOST + 1), "ann")


def test_a_given_up_message_is_done_at_once(office: Office) -> None:
    """Its issue is closed when the record is sent again."""
    lost = Issue(
        "lost", office.issue.key, "account", "*message", IssueKind.UNDELIVERABLE, 1.0, 1.0, sfid=office.pair.sfid
    )
    office.scene.ledger.issues["lost"] = lost
    assert office.acting.act(Wish("lost", version_of(lost), Deed.RETRY), "ann").outcome is Outcome.DONE


def test_a_preview_of_what_both_hold_writes_nothing(office: Office) -> None:
    """The sides agreed in the meantime, and no message has told of it yet."""
    same = replace(office.issue, postgres={"Name": THEIRS})
    office.scene.ledger.issues[same.id] = same
    assert "hold it already" in office.acting.preview(office.wish(Deed.SALESFORCE)).text
