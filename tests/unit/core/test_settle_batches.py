"""Many records at once: each with its own condition, its own outcome, and nobody else's failure."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib.core.errors import ProtocolError, Rejected, Throttled, TwinledgerError
from chalicelib.core.ledger import EntryChange
from chalicelib.core.model import Side
from chalicelib.core.ports import Failed, Kept, Moved
from chalicelib.core.work import Outcome, Result
from tests.unit.core.scene import LIMITS, Pair, Scene

Answer = Kept | Moved | Failed


def edited(count: int) -> tuple[Scene, list[Pair]]:
    """Accounts that were edited in Postgres."""
    scene = Scene()
    pairs = [scene.linked(Name=f"Acme {number}") for number in range(count)]
    for pair in pairs:
        scene.edit_postgres(pair, Phone="1")
    return scene, pairs


def of(scene: Scene, outcomes: Sequence[Outcome], pair: Pair) -> Outcome:
    """The outcome of a record."""
    return next(outcome for outcome in outcomes if outcome.hint.identity == scene.row_id(pair))


def failing_ledger(scene: Scene, key: str, error: TwinledgerError, *, from_write: int = 1) -> None:
    """From some write of one record on, the ledger answers with an error for this record alone."""
    write, seen = scene.ledger.write, [0]

    def answer(change: EntryChange) -> Answer:
        seen[0] += change.entry.key == key
        failed = change.entry.key == key and seen[0] >= from_write
        return Failed(error) if failed else write([change])[0]

    scene.ledger.write = lambda changes: [answer(change) for change in changes]  # type: ignore[method-assign]


def test_a_batch_takes_as_many_calls_as_one_record() -> None:
    """Entries, rows and records are read at once, and written at once; rows are looked at again after the intent."""
    calls = {}
    for count in (1, 10):
        scene, pairs = edited(count)
        scene.wire.calls.clear()
        scene.settle()
        calls[count] = [call for call in scene.wire.calls if call.split(".")[0] in {"rows", "records"}]
        assert [scene.both(pair, "Phone") for pair in pairs] == [("1", "1")] * count

    assert calls[1] == calls[10] == ["rows.read", "records.read", "rows.read", "records.write"]


def test_each_record_has_its_own_outcome() -> None:
    """One is refused, one settled, one had nothing to do."""
    scene, (bad, good) = edited(2)
    quiet = scene.linked(Name="quiet")
    for pair in (bad, good):
        scene.edit_postgres(pair, Phone="2")
    scene.records.refusals.append(lambda save: Rejected("no") if save.id == bad.sfid else None)
    hints = [scene.message(pair, Side.POSTGRES) for pair in (bad, good, quiet)]

    outcomes = scene.settle(*hints)

    assert [of(scene, outcomes, pair).result for pair in (bad, good, quiet)] == [
        Result.PARKED,
        Result.SETTLED,
        Result.UNCHANGED,
    ]
    assert [of(scene, outcomes, pair).wrote for pair in (bad, good, quiet)] == [
        frozenset(),
        frozenset({Side.SALESFORCE}),
        frozenset(),
    ]


def test_a_record_that_moved_goes_round_again_alone() -> None:
    """The others of its batch are written once."""
    scene, (moved, still) = edited(2)
    scene.wire.meanwhile("records.write", lambda: scene.edit_salesforce(moved, Zip="3000"))

    told = scene.results()

    assert (told, [scene.both(pair, "Phone") for pair in (moved, still)]) == (
        [Result.SETTLED] * 2,
        [("1", "1"), ("1", "1")],
    )
    assert [write.key for write in scene.records.writes].count(scene.key(still)) == 1


def test_a_call_that_fails_as_a_whole_is_the_outcome_of_each() -> None:
    """Nobody knows of which record it was."""
    scene, _ = edited(2)
    scene.wire.fail("records.write", Throttled("slower", after=2.0))

    assert [(o.result, o.after) for o in scene.settle()] == [(Result.RETRY, 2.0)] * 2


def test_a_read_that_fails_is_the_outcome_of_those_that_were_not_done() -> None:
    """An echo of the same batch is done already."""
    scene, (pair,) = edited(1)
    quiet = scene.linked(Name="quiet")
    scene.edit_postgres(pair, Phone="2")
    scene.wire.fail("records.read", Throttled("slower"))

    outcomes = scene.settle(scene.message(pair, Side.POSTGRES), scene.message(quiet, Side.POSTGRES))

    assert [of(scene, outcomes, each).result for each in (pair, quiet)] == [Result.RETRY, Result.UNCHANGED]


def test_a_read_that_is_refused_for_one_record_leaves_the_settled_ones() -> None:
    """They are not gone through again, and the message of the one that is to blame stays."""
    scene, (pair,) = edited(1)
    quiet = scene.linked(Name="quiet")
    scene.edit_postgres(pair, Phone="2")
    for _ in range(2):
        scene.wire.fail("records.read", Rejected("malformed", code="MALFORMED_ID"))

    outcomes = scene.settle(scene.message(pair, Side.POSTGRES), scene.message(quiet, Side.POSTGRES))

    assert [of(scene, outcomes, each).result for each in (pair, quiet)] == [Result.HALTED, Result.UNCHANGED]
    assert isinstance(of(scene, outcomes, pair).error, ProtocolError)


# --- the ledger fails for one record


def test_an_intent_that_fails_for_one_record_lets_the_others_go_on() -> None:
    """That one is not written; whether its lease runs is not known, so its message comes after it."""
    scene, (failing, other) = edited(2)
    failing_ledger(scene, scene.key(failing), Throttled("slower", after=3.0))

    outcomes = scene.settle()

    assert [(of(scene, outcomes, pair).result, of(scene, outcomes, pair).after) for pair in (failing, other)] == [
        (Result.RETRY, LIMITS.lease + 1.0),
        (Result.SETTLED, None),
    ]
    assert (scene.both(failing, "Phone"), scene.both(other, "Phone")) == (("1", None), ("1", "1"))


def test_a_result_that_fails_for_one_record_is_recovered_later() -> None:
    """Both sides are written; its message comes again after the lease."""
    scene, (failing, other) = edited(2)
    failing_ledger(scene, scene.key(failing), Throttled("slower"), from_write=2)

    outcomes = scene.settle()

    assert [of(scene, outcomes, pair).result for pair in (failing, other)] == [Result.RETRY, Result.SETTLED]
    assert of(scene, outcomes, failing).after == LIMITS.lease + 1.0


def test_an_agreement_that_fails_for_one_record_leaves_its_message() -> None:
    """Nothing was to be written on either side, but what was learnt is not remembered yet."""
    scene = Scene()
    pairs = [scene.linked(Name="Acme"), scene.linked(Name="Bcme")]
    for pair in pairs:
        scene.edit_both(pair, {"Phone": "1"}, {"Phone": "1"})
    failing_ledger(scene, scene.key(pairs[0]), Throttled("slower"))

    outcomes = scene.settle(*[scene.message(pair, Side.POSTGRES) for pair in pairs])

    assert [of(scene, outcomes, pair).result for pair in pairs] == [Result.RETRY, Result.UNCHANGED]


def test_a_link_that_fails_leaves_the_new_record_to_the_next_worker() -> None:
    """The row is not touched; the record is found by its key, and no second one is made."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    (hint,) = scene.take()
    write = scene.ledger.write
    calls: list[int] = []

    def second_fails(changes: Sequence[EntryChange]) -> Sequence[Answer]:
        calls.append(len(changes))
        return [Failed(Throttled("slower"))] if len(calls) == 2 else write(changes)

    scene.ledger.write = second_fails  # type: ignore[method-assign]
    (outcome,) = scene.settle(hint)
    linked = [row.sfid for row in scene.rows.rows("public.account").values()]
    scene.clock.advance(outcome.after or 0.0)
    scene.settle(hint)

    assert (outcome.result, linked) == (Result.RETRY, [None])
    assert (len(scene.records.all("Account")), scene.both(scene.find(pair), "Name")) == (1, ("Acme", "Acme"))


# --- the entry moves under the holder


def taken_over(scene: Scene, pair: Pair) -> None:
    """Another worker writes the entry."""
    entry = scene.entry(pair)
    scene.ledger.write([EntryChange(entry, replace(entry, version=entry.version + 1))])
    scene.ledger.disturb([scene.entry(pair)])


def test_a_result_is_not_written_over_another_workers_entry() -> None:
    """The record goes round again, from what the entry says now."""
    scene, (pair,) = edited(1)
    scene.wire.then("records.write", lambda: taken_over(scene, pair))

    told = scene.results()

    assert (told, scene.wire.count("ledger.read"), len(scene.records.writes)) == ([Result.SETTLED], 2, 1)
    assert (scene.base(pair, "Phone").agreed, scene.entry(pair).intent) == (("1",), None)


def test_a_failure_does_not_give_back_another_workers_lease() -> None:
    """The entry is theirs now: only their own write may change it."""
    scene, (pair,) = edited(1)

    def throttle() -> None:
        taken_over(scene, pair)
        raise Throttled("slower")

    scene.wire.meanwhile("records.write", throttle)
    scene.settle()

    intent = scene.entry(pair).intent

    assert intent is not None
    assert (intent.failed, intent.lease_until > scene.clock.now()) == (False, True)


def test_a_result_that_is_disturbed_once_too_often_goes_round_again() -> None:
    """Each message moves the counter; the worker does not try for ever, and nothing is lost by it."""
    scene, (pair,) = edited(1)

    def disturb() -> None:
        scene.ledger.disturb([scene.entry(pair)])
        scene.wire.meanwhile("ledger.write", disturb)

    scene.wire.then("records.write", disturb)
    (outcome,) = scene.settle()
    scene.wire.before.clear()
    scene.clock.advance(outcome.after or 0.0)
    scene.settle(scene.message(pair, Side.POSTGRES))

    assert (outcome.result, scene.both(pair, "Phone")) == (Result.RETRY, ("1", "1"))
    assert scene.entry(pair).intent is None


@pytest.mark.parametrize(("disturbances", "reads"), [(0, 1), (1, 2)])
def test_a_disturbed_holder_reads_once_more(disturbances: int, reads: int) -> None:
    """And only then."""
    scene, (pair,) = edited(1)
    hint = scene.take()[0]
    scene.wire.calls.clear()
    for _ in range(disturbances):
        scene.wire.then("records.write", lambda: scene.ledger.disturb([scene.entry(pair)]))

    scene.settle(hint)

    assert scene.wire.count("records.read") == reads


def test_a_message_between_a_creation_and_its_link_is_worked_off_by_the_holder() -> None:
    """The new record was edited before the ledger knew its id: its own message meets the lease by the record's key."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    (hint,) = scene.take()
    told: list[Result] = []

    def edit() -> None:
        (record,) = scene.records.all("Account")
        scene.edit_salesforce(Pair("Account", "public.account", record.id), Phone="2")
        told.extend(scene.results(*scene.take()))

    scene.wire.then("records.write", edit)
    scene.settle(hint)

    assert (set(told), scene.both(scene.find(pair), "Name", "Phone")) == (
        {Result.HANDED_OVER},
        (("Acme", "2"), ("Acme", "2")),
    )


def test_what_a_step_tells_of_conflicts_and_merges() -> None:
    """A conflict and a refusal are two cases for a person; edits of both sides that merged are counted by unit."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_both(pair, {"Name": "Acme Ltd", "Phone": "1", "Note": "x"}, {"Name": "Acme Inc", "Zip": "3000"})
    merged = scene.settle(scene.message(pair, Side.POSTGRES))
    scene.records.refusals.append(lambda save: Rejected("no") if save.after["Phone"] == "bad" else None)
    scene.edit_both(pair, {"Name": "Acme AG", "Phone": "bad"}, {})
    refused = scene.settle(scene.message(pair, Side.POSTGRES))

    assert [(o.conflicts, o.merged, o.wrote) for o in merged] == [(1, 3, frozenset(Side))]
    assert [(o.result, o.conflicts, o.merged) for o in refused] == [(Result.PARKED, 2, 0)]


@pytest.mark.parametrize(
    ("error", "told"),
    [(Rejected("bad value", code="MALFORMED_ID"), "MALFORMED_ID"), (Rejected("bad value"), "Rejected")],
)
def test_a_refused_read_is_told_without_the_systems_text(error: Rejected, told: str) -> None:
    """It may quote a value; the code, or the kind of the error, is enough to look for it."""
    scene, (pair,) = edited(1)
    scene.edit_postgres(pair, Phone="2")
    scene.wire.fail("records.read", error)

    (outcome,) = scene.settle(scene.message(pair, Side.POSTGRES))

    assert str(outcome.error) == f"a read was refused: {told}"


def test_a_disturbed_record_does_not_hold_up_its_batch() -> None:
    """It goes round again; what was settled beside it is done."""
    scene, (disturbed, other) = edited(2)
    scene.wire.then("records.write", lambda: scene.ledger.disturb([scene.entry(disturbed)]))

    outcomes = scene.settle()

    assert [of(scene, outcomes, pair).result for pair in (disturbed, other)] == [Result.SETTLED, Result.SETTLED]
