"""What a settle step writes into the ledger: each step one change of the entry, under its condition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.journal import agreed, carried_over, finished, linked, opened, refused, released, yielded
from chalicelib.core.ledger import Base, BaseState, Entry, EntryChange, Existence, Issue, IssueKind, Refusal, alike
from chalicelib.core.model import RowId, RowState, SalesforceId, Side
from chalicelib.core.recover import settled
from chalicelib.core.work import Work
from tests.unit.core.desk import NOW, UNDER_WAY, WRITTEN, on_desk
from tests.unit.core.planning import BASES, HELD, LINKED, MODIFIED, SFID, answer, record, row, shown

BOTH_NAMES = (SalesforceId("Account", SFID), RowId("public.account", ("1",)))
UNIT_VALUES = {"Name": ("Acme",), "Phone": ("1",), "Note": (None,), "place": ("Bern", "3000")}
BLANK = Entry("key", "account")


def nothing(ids: Sequence[str]) -> Mapping[str, Issue]:
    """No issue is on record."""
    return {}


def edited() -> Work:
    """A new name in Postgres, on its way to Salesforce."""
    return on_desk(row(Name="Acme Ltd"), record())


def written(**known: object) -> Work:
    """The same, when its intent was written."""
    return on_desk(row(Name="Acme Ltd"), record(), entry=WRITTEN, **known)


# --- the intent


def test_an_intent_holds_what_recovery_needs() -> None:
    """Target, sides, and what was seen; the lease runs from now."""
    change = opened(edited(), NOW, 25.0)
    intent = change.entry.intent

    assert (change.seen, change.entry.version, change.entry.updated_at, change.links) == (LINKED, 4, NOW, ())
    assert intent is not None
    assert (intent.operation, intent.lease_until, intent.failed, intent.answers) == (
        "op",
        NOW + 25.0,
        False,
        frozenset(),
    )
    assert (intent.on_postgres, intent.on_salesforce) == (frozenset(), frozenset({"Name"}))
    assert intent.target == {**UNIT_VALUES, "Name": ("Acme Ltd",)}
    assert intent.seen_postgres == {**UNIT_VALUES, "Name": ("Acme Ltd",)}
    assert (intent.seen_salesforce, intent.existence, intent.alive) == (UNIT_VALUES, None, True)


def test_an_intent_leaves_the_bases() -> None:
    """Nothing has been written yet."""
    entry = opened(edited(), NOW, 25.0).entry

    assert (entry.bases, entry.alive, entry.sfid, entry.pk) == (BASES, True, SFID, ("1",))
    assert entry.salesforce_second == MODIFIED


def test_an_intent_to_delete_says_that_the_record_ends() -> None:
    """Until it has landed the entry says that the record is there."""
    change = opened(on_desk(None, record()), NOW, 25.0)

    assert change.entry.intent is not None
    assert (change.entry.intent.existence, change.entry.intent.alive) == (Existence.DELETE_SALESFORCE, False)
    assert change.entry.alive is True


def test_an_intent_carries_the_look_ups_that_the_ledger_lacks() -> None:
    """Those that it has are not written again."""
    new = on_desk(row(sfid=None), None, entry=None, sfid=None)
    moved = on_desk(row(Name="x"), record(), pk=("2",))

    assert (opened(new, NOW, 25.0).seen, opened(new, NOW, 25.0).links) == (None, BOTH_NAMES[1:])
    assert opened(moved, NOW, 25.0).links == (RowId("public.account", ("2",)),)


@pytest.mark.parametrize(
    ("echoes", "hops"), [({}, 0), ({(Side.POSTGRES, "Name"): ("Acme Ltd",)}, 3)], ids=["a user's", "automation's"]
)
def test_hops_count_what_nobody_entered(echoes: dict[tuple[Side, str], tuple[str]], hops: int) -> None:
    """A user's edit ends the chain."""
    work = on_desk(row(Name="Acme Ltd"), record(), entry=replace(LINKED, hops=2, echoes=echoes))

    assert opened(work, NOW, 25.0).entry.hops == hops


def test_what_is_written_is_inside_of_the_filter() -> None:
    """A record that was outside when last seen has come back."""
    work = on_desk(row(Name="Acme Ltd"), record(), entry=replace(LINKED, outside=True))

    assert opened(work, NOW, 25.0).entry.outside is False


def test_hops_stay_where_an_agreement_is_written() -> None:
    """A write of a link carries neither a user's edit nor automation's."""
    work = on_desk(row(sfid=None), record(), entry=replace(LINKED, hops=2))

    assert opened(work, NOW, 25.0).entry.hops == 2


# --- on the way


def test_the_id_of_a_new_record_is_remembered_at_once() -> None:
    """Its look-up with it; the lease runs on."""
    entry = replace(WRITTEN, sfid=None)
    change = linked(on_desk(row(sfid=None), None, entry=entry, sfid=SFID), NOW)

    assert (change.seen, change.links) == (entry, BOTH_NAMES[:1])
    assert change.entry == replace(entry, version=5, sfid=SFID, updated_at=NOW)


def test_a_released_lease_leaves_the_intent_as_failed() -> None:
    """Recovery needs it, and an undelete that failed must not be taken for landed."""
    change = released(written(), NOW)

    assert change.entry == replace(
        WRITTEN, version=5, updated_at=NOW, intent=replace(UNDER_WAY, lease_until=0.0, failed=True)
    )
    assert (change.seen, change.links) == (WRITTEN, ())


def test_a_yielded_lease_leaves_the_intent_as_it_is() -> None:
    """Everything was written; the next round finds by the markers what."""
    change = yielded(written(), NOW)

    assert change.entry == replace(WRITTEN, version=5, updated_at=NOW, intent=replace(UNDER_WAY, lease_until=0.0))
    assert (change.seen, change.links) == (WRITTEN, ())


@pytest.mark.parametrize("step", [released, yielded, linked])
def test_every_step_tells_the_ledger_the_names_that_it_has_learnt(step: Callable[[Work, float], EntryChange]) -> None:
    """A row's primary key may be another record's no more: where the row says so itself, the look-up is taken."""
    inserted = step(written(pk=("2",)), NOW)
    claimed = step(on_desk(replace(row(), pk=("2",)), record(), entry=WRITTEN, pk=("2",)), NOW)
    name = RowId("public.account", ("2",))

    assert [(inserted.links, inserted.taken), (claimed.links, claimed.taken)] == [((name,), ()), ((), (name,))]


# --- the result


def test_a_result_is_the_new_base() -> None:
    """The intent goes, the record's newest second is remembered."""
    after = replace(record(Name="Acme Ltd"), marker="op", ours=True, modified_at=MODIFIED + 5)
    change = finished(written(record_after=after), NOW, nothing)

    assert (change.seen, change.entry.version, change.entry.dirty, change.entry.updated_at) == (WRITTEN, 5, 2, NOW)
    assert (change.entry.intent, change.entry.bases) == (None, {**BASES, "Name": settled(("Acme Ltd",))})
    assert (change.entry.salesforce_second, change.entry.echoes, change.entry.alive) == (MODIFIED + 5, {}, True)


def test_what_salesforce_made_of_our_write_is_a_form() -> None:
    """Of a field that was written; of one that was not, it is an echo."""
    after = replace(record(Name="ACME LTD", Phone="2"), marker="op", ours=True)
    entry = finished(written(record_after=after), NOW, nothing).entry

    assert entry.bases["Name"] == Base(("ACME LTD",), ("Acme Ltd",), ("ACME LTD",), BaseState.FORM)
    assert (entry.bases["Phone"], entry.echoes) == (settled(("1",)), {(Side.SALESFORCE, "Phone"): ("2",)})


@pytest.mark.parametrize("change", [{"ours": False}, {"marker": "other"}, {"deleted": True}])
def test_what_somebody_else_made_of_it_is_an_edit(change: dict[str, object]) -> None:
    """Only what stands there under our marker, by our user, is a form of our write."""
    after = replace(record(Name="ACME LTD", Phone="2"), **{"marker": "op", "ours": True, **change})  # type: ignore[arg-type]
    entry = finished(written(record_after=after), NOW, nothing).entry

    assert (entry.bases["Name"], entry.echoes) == (settled(("Acme Ltd",)), {})


def test_what_postgres_made_of_our_write_is_a_form() -> None:
    """The same on the other side, from the transaction's own end."""
    work = on_desk(row(), record(Name="Acme Ltd"), row_after=RowState(row(Name="ACME LTD", Phone="2"), None))
    entry = finished(work, NOW, nothing).entry

    assert entry.bases["Name"] == Base(("ACME LTD",), ("ACME LTD",), ("Acme Ltd",), BaseState.FORM)
    assert entry.echoes == {(Side.POSTGRES, "Phone"): ("2",)}


def test_a_new_record_has_forms_and_no_echoes() -> None:
    """Before it was made there was nothing beside which automation could have set something."""
    after = replace(record(Name="ACME"), marker="op", ours=True)
    work = on_desk(row(sfid=None), None, entry=None, record_after=after)
    entry = finished(work, NOW, nothing).entry

    assert (entry.bases["Name"].state, entry.bases["Phone"], entry.echoes) == (BaseState.FORM, settled(("1",)), {})


def test_a_record_that_was_made_anew_over_the_bin_has_no_echoes() -> None:
    """What lay in the bin is nothing that automation could have changed."""
    after = replace(record(Name="Acme", Phone="9"), marker="op", ours=True)
    work = on_desk(row(), record(deleted=True), entry=replace(LINKED, alive=False), record_after=after)
    entry = finished(work, NOW, nothing).entry

    assert entry.echoes == {}


# --- nothing to write


def test_an_agreement_is_remembered() -> None:
    """Both sides came to one value; the look-ups that are new go with it, the row's by its own word."""
    work = on_desk(row(Name="Acme Ltd"), record(Name="Acme Ltd"), entry=replace(LINKED, sfid=None, pk=None))
    change = agreed(work, NOW, nothing)

    assert change is not None
    assert (change.entry.version, change.entry.updated_at) == (4, NOW)
    assert (change.links, change.taken) == (BOTH_NAMES[:1], BOTH_NAMES[1:])
    assert (change.entry.bases["Name"], change.entry.sfid, change.entry.pk) == (settled(("Acme Ltd",)), SFID, ("1",))


def test_what_the_ledger_says_already_is_not_written() -> None:
    """Nothing moved, nothing is new."""
    assert agreed(on_desk(row(), record(), entry=replace(LINKED, salesforce_second=MODIFIED)), NOW, nothing) is None


def test_a_newer_second_is_remembered() -> None:
    """By itself it is worth a write."""
    change = agreed(on_desk(row(), record()), NOW, nothing)

    assert change is not None
    assert (change.entry.salesforce_second, change.entry.bases) == (MODIFIED, BASES)


@pytest.mark.parametrize("entry", [None, BLANK])
def test_a_record_that_never_was_needs_no_entry(entry: Entry | None) -> None:
    """A message about nothing leaves nothing, unless the ledger knows of it."""
    change = agreed(on_desk(None, None, entry=entry), NOW, nothing)

    assert (change is None) is (entry is None)


def test_an_operation_that_landed_nowhere_is_over_with_an_agreement() -> None:
    """Its intent goes, and the answer that it carried out."""
    given = {"Name": answer(("x",), ("y",), ("z",)), "Phone": replace(answer(("x",), ("y",), ("z",)), id="other")}
    work = on_desk(row(), record(), entry=replace(WRITTEN, answers=given))
    change = agreed(work, NOW, nothing)

    assert change is not None
    assert (change.entry.intent, change.entry.answers) == (None, {})


def test_issues_that_are_over_are_closed_in_full() -> None:
    """They are read, stamped, given their reason, and written with the entry that loses them."""
    issue = Issue("issue", "key", "account", "Name", IssueKind.CONFLICT, 1.0, 1.0)
    entry = replace(LINKED, issues={"Name": shown(("a",), ("b",)), "Phone": shown(("a",), ("b",))})
    change = agreed(on_desk(row(Name="b"), record(Name="b", Phone="2"), entry=entry), NOW, lambda ids: {"issue": issue})

    assert change is not None
    assert change.issues == (
        replace(issue, closed_at=NOW, updated_at=NOW, reason="both sides hold the same value"),
        replace(issue, closed_at=NOW, updated_at=NOW, reason="only one side still differs from the agreed value"),
    )
    assert change.entry.issues == {}


def test_an_issue_that_is_not_on_record_is_forgotten() -> None:
    """It outlived its retention."""
    entry = replace(LINKED, issues={"Name": shown(("a",), ("b",))})
    change = agreed(on_desk(row(Name="b"), record(Name="b"), entry=entry), NOW, nothing)

    assert change is not None
    assert (change.issues, change.entry.issues) == ((), {})


# --- what came in meanwhile


def moved(entry: Entry, **changes: object) -> Entry:
    """The entry as messages and persons have left it since."""
    return replace(entry, dirty=entry.dirty + 1, **changes)  # type: ignore[arg-type]


def test_a_change_is_carried_over_to_a_moved_counter() -> None:
    """It rests on the entry as it is now, and keeps what it was about."""
    change = released(written(), NOW)
    carried = carried_over(change, moved(WRITTEN))

    assert carried == EntryChange(moved(WRITTEN), replace(change.entry, dirty=3))


def test_a_new_answer_is_carried_over() -> None:
    """One that was seen and carried out is not brought back."""
    old, new = answer(("x",), ("y",), ("z",)), replace(answer(("x",), ("y",), ("z",)), id="new")
    entry = replace(WRITTEN, answers={"Name": old})
    change = EntryChange(entry, replace(entry, version=5, answers={}))

    carried = carried_over(change, moved(entry, answers={"Name": old, "Phone": new}))
    again = carried_over(change, moved(entry, answers={"Name": new}))

    assert [carried.entry.answers, again.entry.answers] == [{"Phone": new}, {"Name": new}]


def test_a_cleared_refusal_is_carried_over() -> None:
    """An operator's retry is not undone; a refusal that is new stays."""
    refusal = Refusal(True, {"Name": "bad"}, {})
    entry = replace(WRITTEN, refusals={Side.SALESFORCE: refusal})
    both = {Side.SALESFORCE: refusal, Side.POSTGRES: refusal}
    change = EntryChange(entry, replace(entry, version=5, refusals=both))

    assert carried_over(change, moved(entry, refusals={})).entry.refusals == {Side.POSTGRES: refusal}
    assert carried_over(change, moved(entry)).entry.refusals == both


def test_the_first_change_of_an_entry_is_carried_over_too() -> None:
    """There was none when it was planned."""
    change = EntryChange(None, BLANK)

    assert carried_over(change, moved(BLANK)) == EntryChange(moved(BLANK), replace(BLANK, dirty=1))


def test_a_refused_write_is_over_and_gives_its_lease_back() -> None:
    """In one change: refusal, issue, intent."""
    change = refused(written(), NOW, Side.SALESFORCE, Rejected("no", code="C", fields=("Name",)))

    assert (change.seen, change.entry.version, change.entry.updated_at) == (WRITTEN, 5, NOW)
    assert change.entry.intent == replace(UNDER_WAY, lease_until=0.0, failed=True)
    assert change.entry.refusals == {Side.SALESFORCE: Refusal(True, {"Name": "Acme Ltd"}, dict(HELD))}
    assert alike(change.entry.bases["Name"].agreed, ("Acme",))
