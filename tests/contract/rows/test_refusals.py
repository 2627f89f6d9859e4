"""Writes that a database refuses, and those that the port has no meaning for."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import ProtocolError, RecordLocked, Rejected
from chalicelib.core.model import RowState, Value
from chalicelib.core.ports import Failed, RowWritten, Stale, WriteKind
from tests.contract.row_bench import Bench
from tests.contract.rows.kit import add, create, failure, row, state, update, write
from tests.integration.postgres.sample import account


def test_check_constraint(bench: Bench) -> None:
    """A refused value parks, with code and field; neither row nor marker has changed."""
    bench.refuse(account, "Phone", "13")
    seen = add(bench)
    one = update(seen, {"Phone": "13"})
    assert (Rejected, "23514", ("Phone",)) == failure(write(bench, one)[0])
    assert RowState(seen, None) == state(bench, account, seen.pk, one.key)


@pytest.mark.parametrize(
    ("name", "value", "code"), [("Phone", "x" * 21, "22001"), ("Revenue", "0.125", "22003"), ("Active", None, "")]
)
def test_value_that_does_not_fit(bench: Bench, name: str, value: Value, code: str) -> None:
    """A value is neither cut short nor rounded: it is refused, or canonical already."""
    seen = add(bench)
    [outcome] = write(bench, update(seen, {name: value}))
    if code:
        assert (Rejected, code, (name,)) == failure(outcome)
    assert seen.values == row(bench, account, seen.pk).values


def test_one_refusal_among_many(bench: Bench) -> None:
    """The writes around a refused one, and around a stale one, take effect."""
    first, second, third, fourth = (add(bench) for _ in range(4))
    bench.edit(account, third.pk, {"Revenue": "7"})
    outcomes = write(
        bench,
        update(first, {"Phone": "1"}),
        update(second, {"Phone": "x" * 21}),
        update(third, {"Phone": "3"}),
        update(fourth, {"Phone": "4"}),
    )
    assert [RowWritten, Failed, Stale, RowWritten] == [type(outcome) for outcome in outcomes]
    phones = [row(bench, account, seen.pk).values["Phone"] for seen in (first, second, third, fourth)]
    assert phones == ["1", None, None, "4"]


def test_locked_row(bench: Bench) -> None:
    """A row that another transaction holds is tried later."""
    seen = add(bench)
    one = update(seen, {"Phone": "1"})
    with bench.locked(account, seen.pk):
        [outcome] = write(bench, one)
        assert failure(outcome)[0] is RecordLocked
    assert isinstance(write(bench, one)[0], RowWritten)


def test_writes_that_the_port_has_no_meaning_for(bench: Bench) -> None:
    """An update of nothing, a create of something and an undelete are defects of the caller."""
    seen = add(bench)
    wrong = [
        replace(update(seen, {"Phone": "1"}), expected=RowState(None, None)),
        replace(create({}), expected=RowState(seen, None)),
        replace(update(seen, {}), kind=WriteKind.UNDELETE),
    ]
    for one in wrong:
        with pytest.raises(ProtocolError):
            bench.rows.write([one])
