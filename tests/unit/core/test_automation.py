"""Forms and echoes: what triggers and flows make of our writes is carried once, and not for ever."""

import pytest

from chalicelib.core.errors import Throttled
from chalicelib.core.ledger import Base, BaseState, Cause, IssueKind
from chalicelib.core.merge import MAX_HOPS
from chalicelib.core.model import Side
from chalicelib.core.recover import settled
from chalicelib.core.work import Result
from tests.fakes.records import Save
from tests.fakes.rows import Statement, upper
from tests.unit.core.scene import Pair, Scene, one

TABLE = "public.account"


def shout(save: Save) -> dict[str, str]:
    """Automation that stores the name in upper case."""
    return {"Name": str(save.after["Name"]).upper()}


def whisper(save: Save) -> dict[str, str]:
    """Automation that stores the name in lower case."""
    return {"Name": str(save.after["Name"]).lower()}


def linked() -> tuple[Scene, Pair]:
    """An account whose name is in a form that nobody touches."""
    scene = Scene()
    return scene, scene.linked(Name="ACME", Phone="1")


# --- forms


def test_salesforce_stores_a_form() -> None:
    """The form read back is the value, and Postgres follows once."""
    scene, pair = linked()
    scene.records.automation.append(shout)

    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.drain()

    assert scene.both(pair, "Name") == ("ACME LTD", "ACME LTD")
    assert (len(scene.records.writes), len(scene.rows.writes), scene.issues()) == (1, 1, [])
    assert scene.base(pair, "Name") == settled(one("ACME LTD"))


def test_postgres_stores_a_form() -> None:
    """The same from the other side."""
    scene, pair = linked()
    scene.rows.triggers[TABLE] = [upper("Name")]

    scene.edit_salesforce(pair, Name="Acme Ltd")
    scene.drain()

    assert scene.both(pair, "Name") == ("ACME LTD", "ACME LTD")
    assert (len(scene.records.writes), len(scene.rows.writes), scene.issues()) == (1, 1, [])


@pytest.mark.parametrize("side", list(Side))
def test_a_form_stands_in_the_history(side: Side) -> None:
    """The follower's value is overwritten because of a form, not of an edit."""
    scene, pair = linked()
    if side is Side.SALESFORCE:
        scene.records.automation.append(shout)
        scene.edit_postgres(pair, Name="Acme Ltd")
    else:
        scene.rows.triggers[TABLE] = [upper("Name")]
        scene.edit_salesforce(pair, Name="Acme Ltd")
    scene.drain()

    assert [(h.side, h.cause, h.before, h.after) for h in scene.ledger.history] == [
        (side, Cause.EDIT, {"Name": "ACME"}, {"Name": "Acme Ltd"}),
        (side.other, Cause.FORM, {"Name": "Acme Ltd"}, {"Name": "ACME LTD"}),
    ]


def test_a_form_of_a_new_record_is_followed() -> None:
    """Automation may set other values at the creation."""
    scene = Scene()
    scene.records.automation.append(shout)
    pair = scene.insert_postgres(Name="Acme")
    scene.drain()

    assert (scene.both(scene.find(pair), "Name"), scene.issues()) == (("ACME", "ACME"), [])


def test_a_form_of_a_new_row_is_followed() -> None:
    """The same of a trigger."""
    scene = Scene()
    scene.rows.triggers[TABLE] = [upper("Name")]
    pair = scene.insert_salesforce(Name="Acme")
    scene.drain()

    assert (scene.both(scene.find(pair), "Name"), scene.issues()) == (("ACME", "ACME"), [])


def test_an_edit_of_the_side_that_is_to_follow_goes_before_the_form() -> None:
    """Nobody entered the form: the edit is carried, and is no conflict."""
    scene, pair = linked()
    scene.records.automation.append(shout)
    scene.edit_postgres(pair, Name="Acme Ltd")

    scene.wire.then("records.write", lambda: scene.edit_postgres(pair, Name="ACME INC"))
    scene.drain()

    assert (scene.both(pair, "Name"), scene.issues()) == (("ACME INC", "ACME INC"), [])


def test_an_edit_of_another_user_is_no_form() -> None:
    """It was made on top of our write, and stays an edit."""
    scene, pair = linked()
    scene.edit_postgres(pair, Name="Acme Ltd")

    scene.wire.then("records.write", lambda: scene.edit_salesforce(pair, Name="Acme Inc"))
    scene.drain()

    assert (scene.both(pair, "Name"), scene.issues()) == (("Acme Inc", "Acme Inc"), [])
    assert [h.cause for h in scene.ledger.history] == [Cause.EDIT, Cause.EDIT]


# --- echoes


def test_a_field_that_automation_set_beside_ours_is_carried() -> None:
    """It is an edit of that side; the base of a field that we did not write does not move by itself."""
    scene, pair = linked()
    scene.records.automation.append(lambda save: {"Phone": save.after["Name"]})

    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.drain()

    assert scene.both(pair, "Name", "Phone") == (("Acme Ltd", "Acme Ltd"), ("Acme Ltd", "Acme Ltd"))
    assert (scene.entry(pair).hops, scene.entry(pair).echoes) == (1, {})


def test_a_column_that_a_trigger_set_beside_ours_is_carried() -> None:
    """The same from the other side."""
    scene, pair = linked()
    scene.rows.triggers[TABLE] = [lambda statement: {"Phone": (statement.after or {})["Name"]}]

    scene.edit_salesforce(pair, Name="Acme Ltd")
    scene.drain()

    assert scene.both(pair, "Name", "Phone") == (("Acme Ltd", "Acme Ltd"), ("Acme Ltd", "Acme Ltd"))
    assert scene.entry(pair).hops == 1


def test_the_echo_of_our_own_write_does_nothing() -> None:
    """Its message finds both sides at the base."""
    scene, pair = linked()
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.settle()
    before = scene.entry(pair)
    echo = scene.take()

    scene.settle(*echo)

    assert (len(echo) > 0, scene.entry(pair)) == (True, before)


# --- storms


def count_up(save: Save) -> dict[str, str]:
    """A flow that writes another value each time."""
    return {"Phone": str(int(str(save.after["Phone"])) + 1)}


def count_up_too(statement: Statement) -> dict[str, str]:
    """A trigger that does the same."""
    return {"Phone": str(int(str((statement.after or {})["Phone"])) + 1)}


def storm() -> tuple[Scene, Pair]:
    """Automation of both sides that never agrees: each keeps the name in a form of its own."""
    scene, pair = linked()
    scene.records.automation.append(whisper)
    scene.rows.triggers[TABLE] = [upper("Name")]
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.drain()
    return scene, pair


def test_a_storm_is_stopped() -> None:
    """After MAX_HOPS rounds that nobody asked for: both forms stay, one issue tells of it."""
    scene, pair = storm()
    (issue,) = scene.issues()

    assert scene.both(pair, "Name") == ("ACME LTD", "acme ltd")
    assert (issue.kind, issue.slot, issue.closed_at) == (IssueKind.ECHO_STORM, "Name", None)
    assert (issue.postgres, issue.salesforce) == ({"Name": "ACME LTD"}, {"Name": "acme ltd"})
    assert len(scene.rows.writes) + len(scene.records.writes) == MAX_HOPS + 1
    assert scene.base(pair, "Name").state is BaseState.STOPPED


def test_a_stopped_storm_stays_stopped() -> None:
    """Further messages write nothing and open nothing."""
    scene, pair = storm()
    before = scene.entry(pair)

    scene.settle(scene.message(pair, Side.POSTGRES), scene.message(pair, Side.SALESFORCE))

    assert (scene.entry(pair), len(scene.issues())) == (before, 1)


def test_a_storm_stops_no_other_field() -> None:
    """Edits of the rest of the record go on."""
    scene, pair = storm()

    scene.edit_postgres(pair, Phone="2")
    scene.drain()

    assert scene.both(pair, "Phone") == ("2", "2")


def test_the_next_users_edit_is_carried_over_a_stopped_storm() -> None:
    """And counts from the start."""
    scene, pair = storm()
    scene.records.automation.clear()
    scene.rows.triggers.clear()

    scene.edit_postgres(pair, Name="Acme Inc")
    scene.drain()

    assert (scene.both(pair, "Name"), scene.open_issues()) == (("Acme Inc", "Acme Inc"), [])
    assert (scene.entry(pair).hops, scene.base(pair, "Name")) == (0, settled(one("Acme Inc")))


def test_a_storm_that_breaks_out_again_is_shown_again() -> None:
    """The edit is carried, and the forms start over."""
    scene, pair = storm()

    scene.edit_postgres(pair, Name="Acme Inc")
    scene.drain()

    assert (scene.both(pair, "Name"), len(scene.open_issues())) == (("ACME INC", "acme inc"), 1)


def test_a_storm_of_echoes_is_stopped() -> None:
    """Automation that answers automation with another value, beside each write."""
    scene, pair = linked()
    scene.records.automation.append(count_up)
    scene.rows.triggers[TABLE] = [count_up_too]

    scene.edit_postgres(pair, Name="Acme")
    scene.drain()

    assert [issue.kind for issue in scene.open_issues()] == [IssueKind.ECHO_STORM]
    assert scene.base(pair, "Phone") == Base(
        scene.base(pair, "Phone").agreed,
        one(str((scene.row(pair) or {})["Phone"])),
        one(str((scene.in_salesforce(pair) or {})["Phone"])),
        BaseState.STOPPED,
    )


def test_users_who_edit_by_turns_are_no_storm() -> None:
    """However fast and however often: each edit ends the count."""
    scene, pair = linked()
    for number in range(2 * MAX_HOPS):
        (scene.edit_postgres if number % 2 else scene.edit_salesforce)(pair, Name=f"Acme {number}")
        scene.drain()

    assert (scene.issues(), scene.entry(pair).hops) == ([], 0)
    assert scene.both(pair, "Name") == ("Acme 5", "Acme 5")


def test_a_plain_flow_never_counts_up_to_a_storm() -> None:
    """A form that comes with each edit is followed each time."""
    scene, pair = linked()
    scene.records.automation.append(shout)
    for number in range(2 * MAX_HOPS):
        scene.edit_postgres(pair, Name=f"Acme {number}")
        scene.drain()

    assert (scene.issues(), scene.both(pair, "Name")) == ([], ("ACME 5", "ACME 5"))


# --- within one step


@pytest.mark.parametrize("side", list(Side))
def test_a_form_is_followed_by_the_worker_that_met_it(side: Side) -> None:
    """It does not wait for the echo of its own write."""
    scene, pair = linked()
    if side is Side.SALESFORCE:
        scene.records.automation.append(shout)
        scene.edit_postgres(pair, Name="Acme Ltd")
    else:
        scene.rows.triggers[TABLE] = [upper("Name")]
        scene.edit_salesforce(pair, Name="Acme Ltd")
    scene.settle(*scene.take())

    assert scene.both(pair, "Name") == ("ACME LTD", "ACME LTD")


def test_an_echo_is_carried_by_the_worker_that_met_it() -> None:
    """The same of a field beside the one that was written."""
    scene, pair = linked()
    scene.records.automation.append(lambda save: {"Phone": save.after["Name"]})
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.settle(*scene.take())

    assert scene.both(pair, "Phone") == ("Acme Ltd", "Acme Ltd")


def test_the_edit_after_an_undelete_is_carried_by_the_worker_that_undeleted() -> None:
    """In a second operation of the same step."""
    scene, pair = linked()
    scene.delete_salesforce(pair)
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.settle(*scene.take())

    assert scene.both(pair, "Name") == ("Acme Ltd", "Acme Ltd")


def test_a_second_lap_that_fails_waits_for_no_lease() -> None:
    """The first operation is over: its message comes again as soon as it may."""
    scene, pair = linked()
    scene.records.automation.append(shout)
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.wire.then("records.write", lambda: scene.wire.fail("ledger.read", Throttled("slower", after=2.0)))

    (outcome,) = scene.settle(*scene.take())

    assert (outcome.result, outcome.after) == (Result.RETRY, 2.0)
