"""The soak's check: it passes what holds, and finds each thing that does not."""

from dataclasses import replace

import pytest

from chalicelib.core.ledger import Cause, History, Issue, IssueKind
from chalicelib.core.model import Side
from tests.bench.soak.check import Contact, Seen, Written, check, fate_of

BEFORE: Contact = {"Phone": "old", "Title": "Buyer"}


def by_user(number: int, side: Side, value: str | None, replaced: str | None = "?") -> Written:
    """An edit of the phone; ``replaced``: what it stood in place of, where the side tells."""
    knows = replaced != "?"
    return Written(number, side, 0, "Phone", value, replaced if knows else None, knows)


def seen(salesforce: str | None, postgres: str | None) -> Seen:
    """Both sides with these phones."""
    sides = {Side.SALESFORCE: {**BEFORE, "Phone": salesforce}, Side.POSTGRES: {**BEFORE, "Phone": postgres}}
    return Seen(BEFORE, sides)


def overwritten(value: str) -> History:
    """A phone that the sync wrote over."""
    return History("k", "contact", 1.0, "o", Side.POSTGRES, Cause.EDIT, {"Phone": value}, {"Phone": "new"})


def conflict(salesforce: str, postgres: str, closed_at: float | None = None) -> Issue:
    """A conflict about the phone."""
    return Issue(
        id="i",
        key="k",
        mapping="contact",
        slot="Phone",
        kind=IssueKind.CONFLICT,
        opened_at=1.0,
        updated_at=1.0,
        closed_at=closed_at,
        fields=("Phone",),
        base={"Phone": "old"},
        salesforce={"Phone": salesforce},
        postgres={"Phone": postgres},
    )


SALESFORCE_ONLY = [by_user(1, Side.SALESFORCE, "new")]
BOTH = [by_user(1, Side.SALESFORCE, "theirs"), by_user(2, Side.POSTGRES, "ours", "old")]


def test_what_holds_passes() -> None:
    """An edit that arrived, a conflict that shows both values, and one that a person has settled."""
    arrived = seen("new", "new")
    held = replace(seen("theirs", "ours"), issues=[conflict("theirs", "ours")])
    decided = replace(seen("ours", "ours"), issues=[conflict("theirs", "ours", closed_at=2.0)])
    assert check(SALESFORCE_ONLY, {0: arrived}, {}).differences == []
    assert check(BOTH, {0: held}, {}).differences == []
    assert check(BOTH, {0: decided}, {}).differences == []


@pytest.mark.parametrize(
    ("written", "contact", "text"),
    [
        (SALESFORCE_ONLY, seen("new", "old"), "Phone is 'new' in Salesforce and 'old' in Postgres"),
        (SALESFORCE_ONLY, seen("old", "old"), "edit 1 in salesforce of Phone is lost: 'new'"),
        (BOTH, seen("ours", "ours"), "edit 1 in salesforce of Phone is lost: 'theirs'"),
        (SALESFORCE_ONLY, seen("made up", "made up"), "Phone is 'made up' in salesforce, which nobody wrote"),
        (
            BOTH,
            replace(seen("theirs", "ours"), issues=[conflict("theirs", "earlier")]),
            "the issue shows Phone of postgres as 'earlier', which is 'ours'",
        ),
        (
            SALESFORCE_ONLY,
            replace(seen("new", "old"), issues=[conflict("new", "old")]),
            "a conflict of Phone is open, which only salesforce edited",
        ),
        (
            SALESFORCE_ONLY,
            replace(seen("new", "new"), issues=[replace(conflict("new", "new"), kind=IssueKind.REJECTED)]),
            "an issue REJECTED of Phone is open",
        ),
        (
            SALESFORCE_ONLY,
            replace(seen("new", "new"), sides={Side.SALESFORCE: BEFORE, Side.POSTGRES: None}),
            "no record",
        ),
    ],
)
def test_what_does_not_hold_is_found(written: list[Written], contact: Seen, text: str) -> None:
    """Sides apart, a lost edit, a phantom, an issue that shows old values, a conflict of one side, a parked write."""
    assert any(text in difference for difference in check(written, {0: contact}, {}).differences)


def test_messages_on_their_way_are_found() -> None:
    """What waits in a queue may still change a side."""
    assert check([], {}, {"outbox": 3}).differences == ["3 on their way in outbox"]


def test_an_overwritten_value_has_to_be_somewhere() -> None:
    """In the history, in an issue, or replaced by a user of its own side: each by its own evidence."""
    now = seen("new", "new")
    first = by_user(1, Side.SALESFORCE, "first")
    assert fate_of(first, [first], now) is None
    assert fate_of(first, [first], replace(now, history=[overwritten("first")])) == "in the history"
    assert fate_of(first, [first], replace(now, issues=[conflict("first", "x", 2.0)])) == "in an issue"
    later = by_user(2, Side.SALESFORCE, "new")
    assert fate_of(first, [first, later], now) == "replaced by its own side's user"
    assert fate_of(later, [first, later], now) == "current"


def test_a_later_edit_of_the_other_side_is_no_excuse() -> None:
    """Only its own side's user knew what was replaced."""
    first, other = by_user(1, Side.SALESFORCE, "first"), by_user(2, Side.POSTGRES, "new", "old")
    assert fate_of(first, [first, other], seen("new", "new")) is None


def test_a_row_s_user_is_known_to_have_replaced_only_what_stood_there() -> None:
    """Had the sync written over it before that edit, it would be lost all the same."""
    first = by_user(1, Side.POSTGRES, "first", "old")
    saw_it, saw_another = by_user(2, Side.POSTGRES, "new", "first"), by_user(2, Side.POSTGRES, "new", "stale")
    now = seen("new", "new")
    assert fate_of(first, [first, saw_it], now) == "replaced by its own side's user"
    assert fate_of(first, [first, saw_another], now) is None


def test_an_edit_without_an_answer_may_be_nowhere() -> None:
    """Its user does not know whether it landed; if it did, it is accounted for as any other."""
    unanswered = replace(by_user(1, Side.SALESFORCE, "new"), certain=False)
    nowhere, there = check([unanswered], {0: seen("old", "old")}, {}), check([unanswered], {0: seen("new", "new")}, {})
    assert nowhere.differences == there.differences == []
    assert nowhere.counts["not answered, and nowhere"] == there.counts["current"] == 1
