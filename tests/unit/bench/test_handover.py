"""Hand-overs of the relay: what is read out of the calls of several."""

import json

from tests.bench.handover.calls import (
    Call,
    Edit,
    Handover,
    at_handovers,
    handovers,
    out_of_order,
    sent_again,
    waits,
)

CALLS = (
    Call(0, 1.0, 1.5, (("a", 1), ("b", 2))),
    Call(1, 4.0, 4.5, (("a", 5),)),
    Call(0, 2.0, 2.5, (("a", 3),)),
    Call(2, 9.0, 9.5, (("b", 7),)),
)


def test_a_call_is_read() -> None:
    """A hint's id begins with the id of its row."""
    line = json.dumps({"begun": 1.0, "ended": 2.0, "sent": [["17", "42-1790000000000000"]]})
    assert Call.of(3, line) == Call(3, 1.0, 2.0, (("17", 42),))


def test_a_hand_over_is_from_the_last_call_to_the_first_one() -> None:
    """Of each relay and the one after it."""
    found = handovers(CALLS)
    assert found == [Handover(1, 2.5, 4.0), Handover(2, 4.5, 9.0)]
    assert [each.gap for each in found] == [1.5, 4.5]


def test_a_hint_stands_for_the_changes_before_it() -> None:
    """A change waits until the first call with a hint of its record that is as new; one that nobody sent has no end."""
    edits = [Edit("a", 1, 0.5), Edit("a", 4, 2.25), Edit("b", 6, 8.0), Edit("b", 8, 9.0), Edit("c", 9, 9.0)]
    assert waits(edits, CALLS) == {1: 0.5, 4: 1.75, 6: 1.0}
    assert waits([Edit("a", 1, 1.25)], CALLS) == {1: 0.0}


def test_what_waited_while_nobody_sent_is_of_the_hand_over() -> None:
    """It was committed before its end, and sent after its beginning."""
    edits = [Edit("a", 1, 0.5), Edit("a", 4, 2.25), Edit("a", 5, 3.0), Edit("b", 7, 5.0)]
    waited = waits(edits, CALLS)
    assert at_handovers(edits, waited, handovers(CALLS)[:1]) == {4, 5}
    assert at_handovers(edits, waited, handovers(CALLS)) == {4, 5, 7}


def test_what_is_sent_again_is_counted() -> None:
    """The first time is none."""
    assert sent_again(CALLS) == 0
    assert sent_again([*CALLS, Call(1, 5.0, 5.5, (("a", 5), ("a", 3))), Call(2, 9.5, 9.6, (("a", 5),))]) == 3


def test_order_is_that_of_each_record() -> None:
    """An older hint after a newer one is out of order, and so is one that does not wait for the one before it."""
    assert out_of_order(CALLS) == 0
    assert out_of_order([*CALLS, Call(3, 10.0, 10.5, (("a", 4), ("b", 8)))]) == 1
    assert out_of_order([Call(0, 1.0, 2.0, (("a", 1),)), Call(1, 1.5, 1.8, (("a", 2), ("b", 3)))]) == 1
