"""What becomes of a record after Postgres was restored: each case, from what was found."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.ledger import Base, BaseState, Entry, Existence, IssueKind, OpenIssue, Refusal
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Row, Side
from chalicelib.core.rebase import Fate, Found, Rebased, Since, rebase
from chalicelib.core.recover import Ground, settled
from tests.unit.core.interrupted import interrupted
from tests.unit.core.scene import account

ACCOUNT = account()
PK, SFID = ("7",), "001000000000001AAA"
OLD = {"Name": "Acme", "Phone": "old", "Note": None, "City": "Bonn", "Zip": "1"}
NEW = {**OLD, "Phone": "new", "City": "Berlin", "Zip": "2"}
KEYS = frozenset({"Phone", "place"})  # units that were edited after the backup


def base(values: dict[str, str | None], **changes: Any) -> dict[str, Base]:
    """The bases of a record that both sides hold."""
    found = {unit.name: settled(tuple(values[name] for name in unit.fields)) for unit in ACCOUNT.units}
    return {**found, **changes}


def entry(**changes: Any) -> Entry:
    """A settled record, edited after the backup."""
    known = Entry("key", "account", version=3, alive=True, sfid=SFID, pk=PK, bases=base(NEW), hops=2)
    return replace(known, **changes)


def row(pk: tuple[str, ...] = PK, sfid: str | None = SFID, **values: str | None) -> Row:
    """A row as the backup had it."""
    return Row(pk, sfid, {**OLD, **values})


def since(**before: str) -> Since:
    """Edits since the restore, by what was there before them."""
    return Since(edited=frozenset(before), before=before)


def there(**changes: Any) -> Found:
    """The row, under its key and linked."""
    return replace(Found(row(), row()), **changes)


def done(
    known: Entry, found: Found, take: Side = Side.SALESFORCE, *, mapping: ObjectMapping = ACCOUNT, ground: Any = None
) -> Rebased:
    """What becomes of it."""
    return rebase(mapping, known, ground or Ground(known.bases, known.alive), found, take)


def test_a_row_that_holds_what_the_ledger_says_is_left() -> None:
    """Nothing happened to it since the backup."""
    known = entry(bases=base(OLD))
    assert done(known, there()) == Rebased(Fate.SAME, known, look=False)


def test_old_values_are_what_both_sides_last_had_in_common() -> None:
    """So that Salesforce's are edits since; what did not change keeps its base, and automation is forgotten."""
    found = done(entry(), there())
    assert (found.fate, found.look, found.unkeyed) == (Fate.RESTORED, True, False)
    assert found.entry == entry(bases=base(OLD), hops=0)


def test_old_values_may_be_what_was_wanted() -> None:
    """Then they are edits, as the ledger sees them anyway."""
    assert done(entry(), there(), Side.POSTGRES) == Rebased(Fate.CARRIED, entry())


def test_an_edit_since_the_restore_was_made_by_somebody_who_saw_the_old_value() -> None:
    """That is the base: a conflict where Salesforce's side has moved too."""
    edited = row(Phone="mine")
    found = done(entry(), Found(edited, edited, since(Phone="old")))
    assert (found.fate, found.entry.bases) == (Fate.EDITED, base(OLD))


def test_an_edit_of_a_value_that_nobody_had_changed_is_an_ordinary_one() -> None:
    """Its base stays."""
    edited, known = row(Name="Acme Ltd"), entry(bases=base(OLD))
    found = done(known, Found(edited, edited, since(Name="Acme")))
    assert found == Rebased(Fate.EDITED, known)


def test_a_group_is_edited_as_one() -> None:
    """What was not captured of it is as it was."""
    edited = row(City="Köln")
    found = done(entry(), Found(edited, edited, since(City="Bonn")))
    assert found.entry.bases["place"] == settled(("Bonn", "1"))


@pytest.mark.parametrize(("before", "fate", "phone"), [("new", Fate.EDITED, "new"), ("older", Fate.RESTORED, "mine")])
def test_an_edit_from_before_the_backup_that_was_never_relayed(before: str, fate: Fate, phone: str) -> None:
    """It is one where the ledger still has the value before it; else it was settled, and overtaken."""
    edited = row(Phone="mine", City="Berlin", Zip="2")
    found = done(entry(), Found(edited, edited, Since(pending={"Phone": before})))
    assert (found.fate, found.entry.bases["Phone"]) == (fate, settled((phone,)))


def test_a_value_that_nobody_knows_any_more_is_met_for_the_first_time() -> None:
    """It named a parent that is gone, for instance: the policy of first contact decides."""
    edited = row(Phone="mine")
    found = done(entry(), Found(edited, edited, Since(edited=frozenset({"Phone"}))))
    assert (found.fate, found.entry.bases) == (Fate.EDITED, {n: one for n, one in base(OLD).items() if n != "Phone"})


@pytest.mark.parametrize(
    "bases",
    [
        base(OLD, Phone=Base(None, None, None, BaseState.CONTESTED)),
        {name: one for name, one in base(OLD).items() if name != "Phone"},
    ],
)
def test_what_only_a_person_decides_is_left(bases: dict[str, Base]) -> None:
    """And what was never settled."""
    known = entry(bases=bases)
    assert done(known, there()) == Rebased(Fate.SAME, known, look=False)


@pytest.mark.parametrize(
    ("refusal", "fate"),
    [
        (Refusal(True, {"Phone": "old"}, {}), Fate.SAME),
        (Refusal(True, {"Name": "x"}, {}, rest={"Phone": "old"}), Fate.SAME),
        (Refusal(True, {"Phone": "older"}, {}), Fate.RESTORED),
        (Refusal(True, {"Name": "x"}, {}), Fate.RESTORED),
    ],
)
def test_an_edit_that_salesforce_has_refused_stays_one(refusal: Refusal, fate: Fate) -> None:
    """Salesforce never had it, so that it is nothing old."""
    known = entry(bases=base({**OLD, "Phone": "new"}), refusals={Side.SALESFORCE: refusal})
    assert done(known, there()).fate is fate


def test_a_field_that_is_never_written_in_postgres_is_carried() -> None:
    """The mapping says who leads."""
    mapping = account(units={"Phone": {"writable": frozenset({Side.SALESFORCE})}})
    known = entry(bases=base({**OLD, "Phone": "new"}))
    assert done(known, there(), mapping=mapping) == Rebased(Fate.CARRIED, known)


def test_an_open_issue_is_looked_at_again() -> None:
    """It may show what was lost."""
    shown = OpenIssue("1", IssueKind.CONFLICT, ("x",), ("y",), 1.0)
    known = entry(bases=base(OLD), issues={"Phone": shown})
    assert done(known, there()) == Rebased(Fate.SAME, known)


def test_an_interrupted_operation_is_accounted_for() -> None:
    """By what is known after its recovery; it is over then."""
    known = entry(bases={}, intent=interrupted())
    assert done(known, there(), ground=Ground(base(NEW), True)).entry == entry(bases=base(OLD), hops=0)
    assert done(known, there(), ground=Ground(base(OLD), True)) == Rebased(Fate.SAME, known)


# --- rows that are gone


def test_a_row_that_came_after_the_backup_is_made_again() -> None:
    """As if its record had never been settled: that it is gone is no deletion."""
    found = done(entry(), Found())
    assert found == Rebased(Fate.LOST, entry(alive=None, bases={}, hops=0))


@pytest.mark.parametrize("take", list(Side))
def test_it_gets_another_key_where_the_database_counts_them(take: Side) -> None:
    """The next row of a user's gets the old one."""
    lost = entry(alive=None, bases={}, hops=0, pk=None)
    assert done(entry(), Found(counted=True), take) == Rebased(Fate.LOST, lost, unkeyed=True)


@pytest.mark.parametrize(("sfid", "unkeyed"), [(None, True), ("001000000000002AAA", False)])
def test_its_key_may_be_another_rows_by_now(sfid: str | None, unkeyed: bool) -> None:
    """A new row of a user's, or that of another record, which its link tells."""
    found = Found(row(sfid=sfid), None, Since(created=True))
    assert done(entry(), found) == Rebased(Fate.LOST, entry(alive=None, bases={}, hops=0, pk=None), unkeyed)


def test_a_row_that_has_lost_its_link_is_the_same_one() -> None:
    """It was linked after the backup."""
    found = done(entry(), Found(row(sfid=None), None))
    assert (found.fate, found.entry.bases) == (Fate.RESTORED, base(OLD))


def test_a_row_that_no_record_is_known_for_is_its_own() -> None:
    """And where it is gone, there is nothing to be brought back."""
    known = entry(sfid=None, bases={})
    assert done(known, Found(row(sfid=None), None, Since(created=True))).fate is Fate.SAME
    assert done(known, Found()) == Rebased(Fate.SAME, known, look=False)


def test_what_was_never_settled_is_left() -> None:
    """There is nothing that the restore could have taken back."""
    known = entry(alive=None, bases={})
    assert done(known, there()) == Rebased(Fate.SAME, known, look=False)


@pytest.mark.parametrize(("take", "bases"), [(Side.SALESFORCE, base(OLD)), (Side.POSTGRES, base(NEW))])
def test_a_row_deleted_since_the_restore_was_deleted_with_its_old_values(take: Side, bases: dict[str, Base]) -> None:
    """Salesforce's newer ones are edits, which keep the record; unless the old ones are what was wanted."""
    found = done(entry(), Found(since=Since(deleted=True, before=OLD)), take)
    assert (found.fate, found.entry.alive, found.entry.bases) == (Fate.EDITED, True, bases)


# --- records that were deleted


def grave(**changes: Any) -> Entry:
    """A record that was deleted after the backup."""
    return entry(alive=False, **changes)


def test_the_row_of_a_deleted_record_is_deleted_again() -> None:
    """As one that both sides held when Salesforce's was deleted."""
    assert done(grave(), there()) == Rebased(Fate.BURIED, entry(bases=base(OLD), hops=0))


def test_an_edit_of_it_since_keeps_it() -> None:
    """The values before it are the base."""
    edited = row(Phone="mine")
    found = done(grave(), Found(edited, edited, since(Phone="old")))
    assert found.entry.bases == base(OLD)


def test_it_comes_back_where_the_old_state_was_wanted() -> None:
    """In Salesforce too."""
    assert done(grave(), there(), Side.POSTGRES) == Rebased(Fate.REVIVED, grave())


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (grave(), Found()),
        (grave(survivor=Side.POSTGRES), there()),
        (grave(), there(since=Since(created=True))),
    ],
)
def test_other_graves_are_left(known: Entry, found: Found) -> None:
    """No row came back, it was meant to stay, or a user has made it again since."""
    assert done(known, found) == Rebased(Fate.SAME, known, look=False)


@pytest.mark.parametrize("found", [Found(counted=True), Found(row(sfid=None), None, Since(created=True))])
def test_a_grave_gives_its_key_up(found: Found) -> None:
    """A new row of a user's has it, or is going to."""
    assert done(grave(), found) == Rebased(Fate.SAME, grave(pk=None), unkeyed=True, look=False)


def test_a_grave_without_a_key_has_none_to_give() -> None:
    """The second time."""
    known = grave(pk=None)
    assert done(known, Found(counted=True)) == Rebased(Fate.SAME, known, look=False)


def test_a_deletion_that_was_interrupted_is_looked_at_again() -> None:
    """It may not have landed."""
    known = grave(intent=interrupted(existence=Existence.DELETE_POSTGRES))
    assert done(known, Found()) == Rebased(Fate.SAME, known)
