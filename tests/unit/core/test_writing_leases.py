"""Leases: who holds a record, for how long, and who gives it back."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import (
    AccessDenied,
    QuotaExhausted,
    RecordLocked,
    RetryLater,
    Throttled,
    TwinledgerError,
    Unavailable,
)
from chalicelib.core.model import Side
from chalicelib.core.work import Result
from chalicelib.core.writing import Limits
from tests.unit.core.scene import LIMITS, Pair, Scene

EDITED = "Acme Ltd"


def edited() -> tuple[Scene, Pair]:
    """An account that was edited in Postgres."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_postgres(pair, Name=EDITED)
    return scene, pair


# --- leases


def test_an_uncertain_outcome_keeps_the_lease() -> None:
    """The write may still land: nobody acts before it has had its time, and the message comes after that."""
    scene, pair = edited()
    scene.wire.fail("records.write", Unavailable("no answer"))

    (outcome,) = scene.settle()
    held = scene.entry(pair).leased(scene.clock.now())

    assert (outcome.result, outcome.after, held) == (Result.RETRY, LIMITS.lease + 1.0, True)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Throttled("slower"), Result.RETRY),
        (QuotaExhausted("tomorrow"), Result.RETRY),
        (RecordLocked("wait"), Result.RETRY),
        (AccessDenied("no"), Result.HALTED),
    ],
)
def test_an_answered_failure_gives_the_lease_back(error: TwinledgerError, result: Result) -> None:
    """The system said that nothing was written: the next worker need not wait."""
    scene, pair = edited()
    scene.wire.fail("records.write", error)

    (outcome,) = scene.settle()

    assert (outcome.result, outcome.error, outcome.after) == (result, error, None)
    assert scene.entry(pair).leased(scene.clock.now()) is False


def test_a_failure_that_names_its_time_comes_then() -> None:
    """And not at the end of a lease that was given back."""
    scene, _ = edited()
    scene.wire.fail("records.write", Throttled("slower", after=3.0))

    assert [outcome.after for outcome in scene.settle()] == [3.0]


def test_a_locked_record_is_tried_again() -> None:
    """A user's transaction holds it."""
    scene, pair = edited()
    held = scene.records.begin("Account", pair.sfid or "", {"Phone": "2"})
    told = scene.results()
    held.commit()

    scene.queue.append(scene.message(pair, Side.POSTGRES))
    scene.drain()

    assert (told, scene.both(pair, "Name", "Phone")) == ([Result.RETRY], ((EDITED, "2"), (EDITED, "2")))


def test_a_leased_record_is_left_to_its_holder() -> None:
    """The message is acknowledged and counted; neither side is read."""
    scene, pair = edited()
    scene.wire.fail("records.write")
    scene.settle()
    scene.wire.calls.clear()

    told = scene.results(scene.message(pair, Side.POSTGRES))

    assert (told, scene.entry(pair).dirty) == ([Result.HANDED_OVER], 1)
    assert scene.wire.calls == ["ledger.find", "ledger.read", "ledger.disturb"]


def test_a_holder_that_was_disturbed_goes_round_again() -> None:
    """What the message told is read by the holder, who alone writes."""
    scene, pair = edited()
    told: list[Result] = []

    def disturb() -> None:
        scene.edit_salesforce(pair, Phone="2")
        told.extend(scene.results(*scene.take()))

    scene.wire.then("records.write", disturb)
    scene.settle()

    assert (told, scene.entry(pair).dirty) == ([Result.HANDED_OVER] * 2, 1)
    assert scene.both(pair, "Phone") == ("2", "2")


def test_a_message_that_meets_a_lease_at_its_end_is_not_handed_over() -> None:
    """The holder has finished meanwhile: the message goes round by itself."""
    scene, pair = edited()
    (hint,) = scene.take()
    entry = scene.entry(pair)
    scene.wire.fail("records.write")
    scene.settle(hint)

    def finish() -> None:
        now = scene.ledger.entries[entry.key]
        scene.ledger.entries[entry.key] = replace(now, version=now.version + 1, intent=None)

    scene.wire.meanwhile("ledger.disturb", finish)
    told = scene.results(hint)

    assert (told, scene.both(pair, "Name")) == ([Result.SETTLED], (EDITED, EDITED))


def test_an_expired_lease_is_taken_over() -> None:
    """What its holder left is recovered by whoever comes next."""
    scene, pair = edited()
    scene.wire.fail("records.write")
    scene.settle()
    scene.clock.advance(LIMITS.lease)

    told = scene.results(scene.message(pair, Side.POSTGRES))

    assert (told, scene.both(pair, "Name")) == ([Result.SETTLED], (EDITED, EDITED))


def test_a_worker_whose_lease_was_taken_over_writes_no_more() -> None:
    """It comes back from a long pause: the record is no longer its own."""
    scene, pair = edited()
    (hint,) = scene.take()

    def pause() -> None:
        scene.clock.advance(LIMITS.lease)
        scene.settle(hint)
        scene.edit_postgres(pair, Name="Acme Inc")
        scene.settle(*scene.take())

    scene.wire.then("ledger.write", pause)
    scene.settle(hint)

    assert (scene.both(pair, "Name"), scene.issues()) == (("Acme Inc", "Acme Inc"), [])


@pytest.mark.parametrize(("pause", "writes"), [(19.9, 1), (20.0, 2)])
def test_a_worker_stops_writing_before_its_lease_ends(pause: float, writes: int) -> None:
    """By a margin that covers what clocks differ: it writes its intent once more instead."""
    scene, _ = edited()
    scene.wire.then("ledger.write", lambda: scene.clock.advance(pause))

    scene.settle()

    assert [call for call in scene.wire.calls if call.endswith("write")].index("records.write") == writes


def test_the_lease_begins_with_the_intent() -> None:
    """And lasts as long as the limits say."""
    scene = Scene(limits=Limits(lease=10.0, margin=1.0, rounds=2))
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name=EDITED)
    scene.wire.fail("records.write")
    scene.settle()

    intent = scene.entry(pair).intent

    assert intent is not None
    assert intent.lease_until == scene.clock.now() + 10.0


# --- the ledger


@pytest.mark.parametrize("after", [None, 3.0])
def test_an_intent_that_could_not_be_written_writes_nothing(after: float | None) -> None:
    """Whether the ledger took it is not known: the message comes after the lease that may run."""
    scene, _ = edited()
    scene.wire.fail("ledger.write", RetryLater("busy", after=after))

    (outcome,) = scene.settle()

    assert (outcome.result, outcome.after, scene.records.writes) == (Result.RETRY, LIMITS.lease + 1.0, [])


def test_a_result_that_could_not_be_written_is_recovered() -> None:
    """Both sides are written; the next worker finds it by the markers, and writes nothing twice."""
    scene, pair = edited()
    scene.wire.then("records.write", lambda: scene.wire.fail("ledger.write"))

    scene.drain()

    assert (scene.both(pair, "Name"), len(scene.records.writes)) == ((EDITED, EDITED), 1)
    assert (scene.base(pair, "Name").agreed, scene.entry(pair).intent) == ((EDITED,), None)


# --- a writer that compares whole seconds


def test_a_second_that_is_open_is_waited_out() -> None:
    """A second edit in it would carry the same stamp; nothing is held during the wait, and everything is read again."""
    scene = Scene(apex=False)
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_salesforce(pair, Phone="2")
    scene.clock.advance(0.25)
    scene.edit_postgres(pair, Name=EDITED)

    told = scene.results()

    assert (set(told), scene.clock.slept) == ({Result.SETTLED}, 0.75)
    assert scene.both(pair, "Name", "Phone") == ((EDITED, "2"), (EDITED, "2"))


def test_a_second_that_is_over_is_not_waited_for() -> None:
    """Nor one that is open where Salesforce is not written, nor where the writer compares everything."""
    over, unwritten, apex = Scene(apex=False), Scene(apex=False), Scene(apex=True)
    pairs = [scene.linked(Name="Acme") for scene in (over, unwritten, apex)]
    over.edit_postgres(pairs[0], Name=EDITED)
    unwritten.edit_salesforce(pairs[1], Name=EDITED)
    apex.edit_both(pairs[2], {"Name": EDITED}, {"Phone": "2"})
    for scene in (over, unwritten, apex):
        scene.settle()

    assert [scene.clock.slept for scene in (over, unwritten, apex)] == [0.0, 0.0, 0.0]


def test_a_new_record_has_no_second_to_wait_for() -> None:
    """There is nothing yet that could be edited."""
    scene = Scene(apex=False)
    scene.insert_postgres(Name="Acme")
    scene.drain()

    assert (scene.clock.slept, len(scene.records.all("Account"))) == (0.0, 1)


# --- what a lease leaves


def test_a_holder_that_goes_round_again_has_given_its_lease_back() -> None:
    """Should it die now, nobody has to wait; and what it wrote is found by its intent."""
    scene, pair = edited()
    left = []

    def disturb() -> None:
        scene.ledger.disturb([scene.entry(pair)])
        scene.wire.meanwhile("ledger.read", lambda: left.append(scene.entry(pair)))

    scene.wire.then("records.write", disturb)
    scene.settle()

    assert [entry.leased(scene.clock.now()) for entry in left] == [False]
    assert [(entry.intent is not None and entry.intent.failed, entry.updated_at) for entry in left] == [
        (False, scene.clock.now())
    ]


@pytest.mark.parametrize("call", ["records.write", "rows.write"])
def test_a_released_entry_says_when(call: str) -> None:
    """Whoever sweeps the ledger sees how long ago a record was touched."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    if call == "records.write":
        scene.edit_postgres(pair, Name=EDITED)
    else:
        scene.edit_salesforce(pair, Name=EDITED)
    scene.clock.advance(5.0)
    scene.wire.fail(call, Throttled("slower"))
    scene.settle()

    assert scene.entry(pair).updated_at == scene.clock.now()


def test_a_holder_that_is_disturbed_twice_still_links_what_it_has_created() -> None:
    """Each write of its entry is repeated on top of what moved."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    (hint,) = scene.take()

    def disturb(times: int) -> None:
        (entry,) = scene.ledger.entries.values()
        scene.ledger.disturb([entry])
        if times > 1:
            scene.wire.meanwhile("ledger.write", lambda: disturb(times - 1))

    scene.wire.then("records.write", lambda: disturb(3))
    told = scene.results(hint)

    assert (told, scene.wire.count("records.write")) == ([Result.SETTLED], 1)
    assert scene.rows.rows(pair.table)[pair.pk or ()].sfid == scene.records.all("Account")[0].id


def test_a_lease_that_could_not_be_given_back_is_not_handed_over_to_its_own_holder() -> None:
    """Messages came in faster than the entry could be written: the worker's own message must come again."""
    scene = Scene(limits=Limits(rounds=3))
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.wire.meanwhile("records.write", lambda: scene.edit_salesforce(pair, Phone="2"))
    scene.wire.meanwhile("ledger.write", lambda: None)  # the intent
    for _ in range(4):  # every try to give the lease back, and the next intent
        scene.wire.meanwhile("ledger.write", lambda: scene.ledger.disturb([scene.entry(pair)]))

    outcomes = scene.settle(*scene.take())

    assert [outcome.result for outcome in outcomes] != [Result.HANDED_OVER]
    assert scene.entry(pair).intent is None or not outcomes[0].acknowledged
