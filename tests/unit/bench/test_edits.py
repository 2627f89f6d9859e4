"""The soak's edits."""

from chalicelib.core.model import Side
from tests.bench.soak.edits import Edit, draw, of_thread


def test_a_seed_gives_the_same_edits() -> None:
    """So that a soak that failed can be repeated."""
    assert draw(7, 50, 10, 5.0, "r") == draw(7, 50, 10, 5.0, "r")
    assert draw(7, 50, 10, 5.0, "r") != draw(8, 50, 10, 5.0, "r")


def test_no_value_is_written_twice() -> None:
    """Else a lost one would be taken for another's."""
    values = [
        (name, value) for edit in draw(1, 400, 20, 5.0, "r") for name, value in edit.values.items() if value is not None
    ]
    assert len(set(values)) == len(values)


def test_each_edit_is_one_user_s_and_a_record_is_always_the_same_s() -> None:
    """Else two users' order would be unknown."""
    edits = draw(1, 200, 20, 5.0, "r")
    users: list[list[Edit]] = [list(of_thread(edits, at, 3, side)) for side in Side for at in range(3)]
    assert sorted(edit.number for user in users for edit in user) == list(range(200))
    records = [{(edit.side, edit.record) for edit in user} for user in users]
    assert sum(map(len, records)) == len(set().union(*records))
