"""What is kept of edits: their times, and what is captured."""

from dataclasses import replace

from chalicelib.core.model import Change, RowId
from chalicelib.core.ports import RowWritten
from tests.contract.row_bench import Bench
from tests.contract.rows.kit import SFID, add, delete, row, update, write, written
from tests.integration.postgres.sample import account


def test_edit_times_are_users(bench: Bench) -> None:
    """The time of a user's edit is kept where newest_wins asks for it; ours leaves it as it is."""
    seen = add(bench)
    assert bench.rows.edited_at(account, seen.pk, ["Phone"]) is None
    bench.edit(account, seen.pk, {"Phone": "1", "Revenue": "1"})
    edited = bench.rows.edited_at(account, seen.pk, ["Phone"])
    assert edited is not None
    assert edited > 1_700_000_000
    written(bench, update(row(bench, account, seen.pk), {"Phone": "2"}))
    assert edited == bench.rows.edited_at(account, seen.pk, ["Phone", "Revenue"])
    assert bench.rows.edited_at(account, seen.pk, ["Revenue"]) is None


def test_edit_time_of_an_insert(bench: Bench) -> None:
    """A row's first values were edited when it was inserted; it takes its times along when it goes."""
    seen = add(bench, {"Phone": "1"})
    assert bench.rows.edited_at(account, seen.pk, ["Phone"]) is not None
    bench.delete(account, seen.pk)
    assert bench.rows.edited_at(account, seen.pk, ["Phone"]) is None


def test_capture_of_edits_and_echoes(bench: Bench) -> None:
    """Users' changes and ours are captured in order; ours carry their operation."""
    seen = add(bench, sfid=SFID)
    bench.edit(account, seen.pk, {"Phone": "1"})
    bench.edit(account, seen.pk, {"Phone": "1"})
    one = update(row(bench, account, seen.pk), {"Phone": "2"})
    gone = replace(delete(replace(seen, values={**seen.values, "Phone": "2"})), key="another")
    assert [RowWritten, RowWritten] == [type(outcome) for outcome in write(bench, one, gone)]
    identity = RowId(account.table, seen.pk)
    assert [
        (identity, Change.CREATED, SFID, None),
        (identity, Change.UPDATED, SFID, None),
        (identity, Change.UPDATED, SFID, one.operation),
        (identity, Change.DELETED, SFID, gone.operation),
    ] == bench.captured()
