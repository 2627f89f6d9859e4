"""The queues between the relay's threads."""

import threading

from chalicelib.core.model import Change, Hint, RowId
from chalicelib.postgres.dispatch import Dispatch, Parcel
from chalicelib.postgres.outbox import Captured

A, B = RowId("t", ("a",)), RowId("t", ("b",))


def row(id_: int, record: RowId, actor: str | None = "ada", *, bulk: bool = False) -> Captured:
    """An outbox row."""
    return Captured(id_, record.table, Hint(record, Change.UPDATED, str(id_), actor=actor, bulk=bulk))


def ids(parcels: list[Parcel]) -> list[tuple[int, ...]]:
    """The outbox ids of parcels."""
    return [parcel.ids for parcel in parcels]


def test_a_record_goes_out_once_at_a_time() -> None:
    """What arrives while a record is being sent waits until that was accepted; others do not."""
    dispatch = Dispatch()
    dispatch.put([row(1, A)])
    first = dispatch.take(10)
    dispatch.put([row(2, A), row(3, B), row(4, A)])
    second = dispatch.take(10)
    assert ids(second) == [(3,)]  # at once: where this does not hold, the next take would wait for ever
    dispatch.accept(first)
    third = dispatch.take(10)
    assert (ids(first), ids(second), ids(third)) == ([(1,)], [(3,)], [(2, 4)])
    assert third[0].hint == row(4, A).hint


def test_one_parcel_of_each_record() -> None:
    """A call holds a record once, and no more records than asked."""
    dispatch = Dispatch()
    dispatch.put([row(1, A), row(2, B), row(3, A)])
    assert (ids(dispatch.take(1)), ids(dispatch.take(1))) == ([(1, 3)], [(2,)])


def test_actor_of_several_rows() -> None:
    """The last one who is not the sync itself."""
    dispatch = Dispatch()
    dispatch.put([row(1, A, "ada"), row(2, A, "bob"), row(3, A, None), row(4, B, None)])
    assert [parcel.hint and parcel.hint.actor for parcel in dispatch.take(10)] == ["bob", None]


def test_deferred_parcel_comes_alone() -> None:
    """A parcel that was put aside comes back alone, counted, in turn with what is ready; its record waits for it."""
    dispatch = Dispatch()
    dispatch.put([row(1, A)])
    [refused] = dispatch.take(10)
    dispatch.defer(refused, 0.0)
    dispatch.put([row(2, B), row(3, A)])
    taken = [dispatch.take(10), dispatch.take(10)]
    assert sorted(ids(parcels) for parcels in taken) == [[(1,)], [(2,)]]
    [again] = next(parcels for parcels in taken if ids(parcels) == [(1,)])
    assert (again.failures, again.ids) == (1, (1,))
    dispatch.accept([again])
    assert ids(dispatch.take(10)) == [(3,)]


def test_deferred_parcel_waits() -> None:
    """A sender that waits gets it when its time has come."""
    dispatch = Dispatch()
    dispatch.put([row(1, A)])
    [refused] = dispatch.take(10)
    dispatch.defer(refused, 0.02)
    assert ids(dispatch.take(10)) == [(1,)]


def test_unsent_and_lag() -> None:
    """Rows count until they were accepted, waiting or being sent."""
    dispatch = Dispatch()
    assert (dispatch.unsent, dispatch.lag) == (0, 0.0)
    dispatch.put([row(1, A), row(2, A), row(3, B)])
    assert dispatch.unsent == 3
    parcels = dispatch.take(1)
    assert dispatch.unsent == 3
    dispatch.accept(parcels)
    assert (dispatch.unsent, dispatch.lag > 0) == (1, True)
    dispatch.accept(dispatch.take(1))
    assert (dispatch.unsent, dispatch.lag) == (0, 0.0)


def test_accepted_and_gone() -> None:
    """Ids go from accepted to deleted, each once."""
    dispatch = Dispatch()
    dispatch.put([row(1, A), row(2, B)])
    dispatch.accept(dispatch.take(10))
    assert list(dispatch.take_accepted(0)) == [1, 2]
    assert list(dispatch.take_accepted(0)) == []
    dispatch.deleted([1, 2])
    assert list(dispatch.take_gone()) == [1, 2]
    assert list(dispatch.take_gone()) == []


def test_room() -> None:
    """There is room while fewer rows than the window are unsent."""
    dispatch = Dispatch()
    dispatch.put([row(1, A)])
    assert (dispatch.room(2, 0), dispatch.room(1, 0)) == (True, False)


def test_close_sends_the_senders_home() -> None:
    """A sender that waits gets nothing more, nor does one that comes later."""
    dispatch = Dispatch()
    taken: list[list[Parcel]] = []
    sender = threading.Thread(target=lambda: taken.append(dispatch.take(10)))
    sender.start()
    dispatch.close()
    sender.join()
    dispatch.put([row(1, A)])
    assert (taken, dispatch.take(10)) == ([[]], [])


def test_truncated_table_is_a_record_of_its_own() -> None:
    """A truncation waits behind no record, and has no hint."""
    dispatch = Dispatch()
    dispatch.put([row(1, A), Captured(2, "t", None), Captured(3, "t", None)])
    assert [(parcel.record, parcel.ids, parcel.hint is None) for parcel in dispatch.take(10)] == [
        (A, (1,), False),
        (RowId("t", ()), (2, 3), True),
    ]


def test_lanes_have_senders_of_their_own() -> None:
    """What is bulk waits for its own senders, and what is live for none of them."""
    dispatch = Dispatch()
    dispatch.put([row(1, A, bulk=True), row(2, B)])
    live, bulk = dispatch.take(10), dispatch.take(10, bulk=True)
    assert (ids(live), ids(bulk)) == ([(2,)], [(1,)])
    assert [parcel.bulk for parcel in (*live, *bulk)] == [False, True]


def test_a_live_row_takes_its_record_s_other_rows_along() -> None:
    """A record is ready in one lane only; the hint is the newest row's, whichever was read first."""
    dispatch = Dispatch()
    dispatch.put([row(2, A, bulk=True), row(3, B, bulk=True)])
    dispatch.put([row(4, A, bulk=True)])
    dispatch.put([row(5, A, None)])
    dispatch.put([row(1, A, "bob", bulk=True)])
    [live] = dispatch.take(10)
    assert live.ids == (1, 2, 4, 5)
    assert live.hint == row(5, A, "ada").hint
    assert ids(dispatch.take(10, bulk=True)) == [(3,)]
    assert (dispatch.room(2, 0), dispatch.room(1, 0), dispatch.room(5, 0, bulk=True)) == (True, False, True)
    dispatch.accept([live])
    assert (dispatch.unsent, dispatch.room(1, 0), dispatch.room(1, 0, bulk=True)) == (1, True, False)


def test_a_record_is_ready_anew_in_the_lane_of_what_came_meanwhile() -> None:
    """Of a record that is being sent, whichever lane it went by."""
    dispatch = Dispatch()
    dispatch.put([row(1, A), row(2, B, bulk=True)])
    first = [*dispatch.take(10), *dispatch.take(10, bulk=True)]
    dispatch.put([row(3, A, bulk=True), row(4, B, bulk=True), row(5, B)])
    dispatch.accept(first)
    assert (ids(dispatch.take(10)), ids(dispatch.take(10, bulk=True))) == ([(4, 5)], [(3,)])


def test_a_deferred_parcel_stays_in_its_lane() -> None:
    """Where its senders find it."""
    dispatch = Dispatch()
    dispatch.put([row(1, A, bulk=True)])
    [refused] = dispatch.take(10, bulk=True)
    dispatch.defer(refused, 0.0)
    dispatch.put([row(2, B)])
    assert (ids(dispatch.take(10)), ids(dispatch.take(10, bulk=True))) == ([(2,)], [(1,)])
