"""Parked writes: each distinct write is tried once; a user's own correction needs nobody."""

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.model import Side
from chalicelib.core.work import Result
from tests.fakes.rows import refuse
from tests.unit.core.parking import TABLE, no_bad_name, no_bad_record, parked, parked_whole
from tests.unit.core.scene import Scene

# --- what has it tried again


@pytest.mark.parametrize("side", list(Side))
def test_other_values_are_tried_by_themselves(side: Side) -> None:
    """A user's own correction passes and closes the issue; nobody has to press a button."""
    scene, pair = parked_whole(side)

    (scene.edit_postgres if side is Side.SALESFORCE else scene.edit_salesforce)(pair, Name="good")
    scene.drain()
    (issue,) = scene.issues()

    assert scene.both(pair, "Name", "Phone") == (("good", "2"), ("good", "2"))
    assert (issue.reason, issue.closed_at) == ("the write passed, or is no longer needed", issue.updated_at)
    assert (scene.entry(pair).refusals, scene.entry(pair).issues) == ({}, {})


@pytest.mark.parametrize("side", list(Side))
def test_a_change_of_the_refusing_side_has_it_tried_again(side: Side) -> None:
    """A user there made the record one that takes the values."""
    scene, pair = parked_whole(side)

    (scene.edit_salesforce if side is Side.SALESFORCE else scene.edit_postgres)(pair, Note="vip")
    scene.drain()

    assert scene.both(pair, "Name", "Phone") == (("bad", "2"), ("bad", "2"))
    assert scene.open_issues() == []


def test_an_operators_retry_has_it_tried_again() -> None:
    """The rule was mended in the organisation, and nothing of the record has changed."""
    scene, pair = parked()
    scene.records.refusals.clear()

    scene.retry(pair)
    scene.drain()

    assert (scene.both(pair, "Name"), scene.entry(pair).refusals) == (("bad", "bad"), {})


def test_an_operators_retry_that_passes_closes_the_issue() -> None:
    """Nothing is parked any more, and the record is quiet again."""
    scene, pair = parked()
    scene.records.refusals.clear()

    scene.retry(pair)
    scene.drain()

    assert scene.open_issues() == []


def test_a_retry_while_a_worker_holds_the_record_is_not_undone() -> None:
    """The holder's own write of the entry keeps the refusal cleared."""
    scene, pair = parked()
    scene.edit_postgres(pair, Phone="2")
    scene.records.refusals.clear()

    scene.wire.then("records.write", lambda: scene.retry(pair))
    scene.drain()

    assert (scene.both(pair, "Name"), scene.entry(pair).refusals) == (("bad", "bad"), {})


def test_a_write_that_is_not_needed_any_more_closes_its_issue() -> None:
    """The user took the value back."""
    scene, pair = parked()

    scene.edit_postgres(pair, Name="Acme")
    scene.drain()

    assert (scene.open_issues(), scene.entry(pair).refusals) == ([], {})


def test_a_value_that_was_refused_and_is_refused_again_is_one_more_try() -> None:
    """It is tried once each time that something has changed."""
    scene, pair = parked()

    scene.edit_salesforce(pair, Zip="3000")
    scene.drain()
    tries = scene.wire.count("records.write")
    scene.settle(scene.message(pair, Side.POSTGRES))

    assert (tries, scene.wire.count("records.write"), len(scene.issues())) == (1, 1, 1)


# --- refused creations


def test_a_refused_creation_is_parked() -> None:
    """No record is made, one issue tells why, and the same row is not tried again."""
    scene = Scene()
    scene.records.refusals.append(no_bad_record)
    pair = scene.insert_postgres(Name="bad", Phone="1")
    scene.drain()
    scene.wire.calls.clear()

    told = scene.results(scene.message(pair, Side.POSTGRES))

    assert (told, scene.wire.count("records.write"), scene.records.all("Account")) == ([Result.PARKED], 0, [])
    assert [issue.slot for issue in scene.open_issues()] == ["*salesforce"]


def test_a_creation_goes_on_without_the_field_that_is_blamed() -> None:
    """One bad telephone number keeps no account from Salesforce; the issue is of the field alone."""
    scene = Scene()
    scene.records.refusals.append(no_bad_name)
    pair = scene.insert_postgres(Name="bad", Phone="1")
    scene.drain()
    scene.wire.calls.clear()

    told = scene.results(scene.message(scene.find(pair), Side.POSTGRES))

    assert (told, scene.wire.count("records.write")) == ([Result.PARKED], 0)
    assert scene.both(pair, "Name", "Phone") == (("bad", "1"), (None, "1"))
    assert [(issue.slot, issue.fields) for issue in scene.open_issues()] == [("*salesforce", ("Name",))]


def test_the_field_that_a_creation_went_on_without_follows_when_it_is_mended() -> None:
    """By the user's own correction."""
    scene = Scene()
    scene.records.refusals.append(no_bad_name)
    pair = scene.insert_postgres(Name="bad", Phone="1")
    scene.drain()

    scene.edit_postgres(pair, Name="good")
    scene.drain()

    assert (scene.both(scene.find(pair), "Name", "Phone"), scene.open_issues()) == ((("good", "1"),) * 2, [])


def test_a_creation_without_a_required_field_is_parked_whole() -> None:
    """The field is refused, and so is a record without it: each is tried once."""
    scene = Scene()
    scene.records.refusals += [
        no_bad_name,
        lambda save: None if save.after.get("Name") else Rejected("Name is missing", code="REQUIRED", fields=("Name",)),
    ]
    pair = scene.insert_postgres(Name="bad", Phone="1")
    scene.drain()
    tries = scene.wire.count("records.write")

    told = scene.results(scene.message(pair, Side.POSTGRES))

    assert (told, tries, scene.wire.count("records.write")) == ([Result.PARKED], 2, 2)
    assert (scene.records.all("Account"), len(scene.open_issues())) == ([], 1)


def test_an_empty_record_is_not_made() -> None:
    """What is left beside the blamed field says nothing."""
    scene = Scene()
    scene.records.refusals.append(no_bad_name)
    scene.insert_postgres(Name="bad")
    scene.drain()

    assert (scene.records.all("Account"), len(scene.open_issues())) == ([], 1)


@pytest.mark.parametrize("rule", [no_bad_name, no_bad_record])
def test_a_creation_with_other_values_is_tried(rule: object) -> None:
    """Whether the system blamed a field or not."""
    scene = Scene()
    scene.records.refusals.append(rule)  # type: ignore[arg-type]
    pair = scene.insert_postgres(Name="bad", Phone="1")
    scene.drain()

    scene.edit_postgres(pair, Name="good")
    scene.drain()

    assert (scene.both(scene.find(pair), "Name", "Phone"), scene.open_issues()) == ((("good", "1"),) * 2, [])


def test_an_unnamed_refusal_of_a_creation_is_of_just_these_values() -> None:
    """Any other field may be what mends it."""
    scene = Scene()
    scene.records.refusals.append(no_bad_record)
    pair = scene.insert_postgres(Name="bad")
    scene.drain()

    scene.edit_postgres(pair, Note="vip")
    scene.drain()

    assert (scene.both(scene.find(pair), "Name"), scene.open_issues()) == (("bad", "bad"), [])


def test_a_refused_insert_is_parked() -> None:
    """A CHECK constraint: the record stays in Salesforce, the row is not tried again and again."""
    scene = Scene()
    scene.rows.refusals[TABLE] = [refuse("Name", "bad")]
    pair = scene.insert_salesforce(Name="bad")
    scene.drain()
    scene.wire.calls.clear()

    told = scene.results(scene.message(pair, Side.SALESFORCE, content=False))

    assert (told, scene.wire.count("rows.write"), scene.rows.rows(TABLE)) == ([Result.PARKED], 0, {})
    assert [(issue.slot, issue.code) for issue in scene.open_issues()] == [("*postgres", "23514")]


def test_an_insert_goes_on_without_the_column_that_is_blamed() -> None:
    """The same from the other side."""
    scene = Scene()
    scene.rows.refusals[TABLE] = [refuse("Name", "bad")]
    pair = scene.insert_salesforce(Name="bad", Phone="1")
    scene.drain()

    assert scene.both(scene.find(pair), "Name", "Phone") == ((None, "1"), ("bad", "1"))
    assert [(issue.slot, issue.fields) for issue in scene.open_issues()] == [("*postgres", ("Name",))]


def test_a_record_whose_creation_was_refused_may_be_deleted() -> None:
    """It was on one side only: the issue is over with it."""
    scene = Scene()
    scene.records.refusals.append(no_bad_name)
    pair = scene.insert_postgres(Name="bad")
    scene.drain()

    scene.delete_postgres(pair)
    scene.drain()

    assert (scene.open_issues(), scene.records.all("Account")) == ([], [])


def test_a_parked_record_delays_no_other() -> None:
    """Two records of one batch: one is refused, the other written."""
    scene = Scene()
    bad, good = scene.linked(Name="Acme"), scene.linked(Name="Bcme")
    scene.records.refusals.append(no_bad_name)
    scene.edit_postgres(bad, Name="bad")
    scene.edit_postgres(good, Name="good")

    told = scene.results()

    assert (told, scene.both(good, "Name")) == ([Result.PARKED, Result.SETTLED], ("good", "good"))


def test_a_creation_that_is_refused_in_stages_is_parked() -> None:
    """The field was mended, and the whole is refused now: that is one more try, and no third."""
    scene = Scene()
    scene.records.refusals += [no_bad_name, lambda save: Rejected("no") if save.after.get("Name") == "worse" else None]
    pair = scene.insert_postgres(Name="bad")
    scene.drain()
    scene.edit_postgres(pair, Name="worse")
    scene.drain()
    scene.wire.calls.clear()

    told = scene.results(scene.message(pair, Side.POSTGRES))

    assert (told, scene.wire.count("records.write"), len(scene.open_issues())) == ([Result.PARKED], 0, 1)
