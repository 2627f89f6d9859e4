"""What is one of many is told from what a person did."""

from collections.abc import Sequence

import pytest

from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.jobs.bursts import OF_ACTOR, OF_TRANSACTION, TOGETHER, WINDOW_SECONDS, Bursts
from tests.fakes.clock import FakeClock


def hints(number: int, actor: str | None = "ada") -> list[Hint]:
    """So many hints of one user."""
    return [
        Hint(SalesforceId("Contact", str(at)), Change.UPDATED, f"{actor}-{at}", actor=actor) for at in range(number)
    ]


def lanes(found: Sequence[Hint]) -> dict[str | None, int]:
    """How many of each user's are bulk."""
    return {actor: sum(one.bulk for one in found if one.actor == actor) for actor in {one.actor for one in found}}


@pytest.mark.parametrize("actor", ["ada", None])
def test_many_in_one_delivery_are_bulk(actor: str | None) -> None:
    """All of them, known user or not; nothing else of them is changed."""
    few, many = hints(TOGETHER, actor), hints(TOGETHER + 1, actor)
    assert Bursts(FakeClock()).sort(few) == few
    found = Bursts(FakeClock()).sort(many)
    assert [one.hint_id for one in found] == [one.hint_id for one in many]
    assert lanes(found) == {actor: TOGETHER + 1}


def test_a_person_s_edit_beside_many_is_live() -> None:
    """In the same delivery as a loader's."""
    assert lanes(Bursts(FakeClock()).sort([*hints(50, "loader"), *hints(1, "ada")])) == {"loader": 50, "ada": 0}


def test_a_user_s_deliveries_are_counted_for_a_while() -> None:
    """After so many within a window they are bulk; another user's are not, nor are they in the next window."""
    clock = FakeClock()
    clock.advance(WINDOW_SECONDS - clock.now() % WINDOW_SECONDS)
    bursts = Bursts(clock)
    found = [lanes(bursts.sort(hints(10)))["ada"] for _ in range(OF_ACTOR // 10 + 1)]
    assert found == [0] * (OF_ACTOR // 10) + [10]
    assert lanes(bursts.sort(hints(10, "bob"))) == {"bob": 0}
    clock.advance(WINDOW_SECONDS)
    assert lanes(bursts.sort(hints(10))) == {"ada": 0}


def test_who_is_not_known_is_not_counted() -> None:
    """Callers that name no user may be many."""
    bursts = Bursts(FakeClock())
    assert {lanes(bursts.sort(hints(10, None)))[None] for _ in range(OF_ACTOR)} == {0}


def test_a_transaction_s_events_are_counted() -> None:
    """One event for each record, as Change Data Capture has it."""
    bursts = Bursts(FakeClock())
    found = [lanes(bursts.sort(hints(1), "key"))["ada"] for _ in range(OF_TRANSACTION + 2)]
    assert found == [0] * OF_TRANSACTION + [1, 1]
    assert lanes(bursts.sort(hints(1), "other")) == {"ada": 0}
