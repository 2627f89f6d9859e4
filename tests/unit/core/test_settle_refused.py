"""A refused write is parked, whatever kind of write it is, and nothing else with it."""

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import BaseState
from chalicelib.core.work import Result
from tests.unit.core.scene import Scene

TABLE = "public.account"


def test_a_refused_delete_is_parked() -> None:
    """A row that the database keeps is not deleted again and again: one try, one issue."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.rows.refusals[TABLE] = [lambda statement: Rejected("no") if statement.by_sync else None]
    scene.delete_salesforce(pair)

    told = [outcome.result for outcome in scene.drain()]
    tries = scene.wire.count("rows.write")

    assert (told, tries) == ([Result.PARKED], 1)
    assert [issue.slot for issue in scene.open_issues()] == ["*postgres"]


def test_a_refused_undelete_is_parked() -> None:
    """An org without Apex cannot take a record out of its bin: one try, one issue, the edit stays in Postgres."""
    scene = Scene(apex=False)
    pair = scene.linked(Name="Acme")
    scene.delete_salesforce(pair)
    scene.edit_postgres(pair, Name="Acme Ltd")

    told = {outcome.result for outcome in scene.drain()}
    tries = scene.wire.count("records.write")

    assert (told, tries) == ({Result.PARKED}, 1)
    assert scene.both(pair, "Name") == ("Acme Ltd", None)


def test_a_refused_link_is_parked() -> None:
    """A row that takes no update is made a record once, and its link is tried once."""
    scene = Scene()
    scene.rows.refusals[TABLE] = [lambda statement: Rejected("no") if statement.by_sync else None]
    scene.insert_postgres(Name="Acme")

    told = {outcome.result for outcome in scene.drain()}
    tries = scene.wire.count("rows.write")

    assert (told, tries, len(scene.records.all("Account"))) == ({Result.PARKED}, 1, 1)


def test_what_one_side_refuses_without_a_name_does_not_hold_the_other_sides_writes() -> None:
    """Postgres blames no field of its write; the write of Salesforce in the same plan goes on."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.rows.refusals[TABLE] = [
        lambda statement: Rejected("no") if statement.by_sync and (statement.after or {})["Name"] == "bad" else None
    ]
    scene.edit_both(pair, {"Phone": "1"}, {"Name": "bad"})

    scene.drain()

    assert scene.both(pair, "Phone") == ("1", "1")
    assert scene.both(pair, "Name") == ("Acme", "bad")


def test_a_stopped_field_survives_a_new_row() -> None:
    """A row that comes back without a field has never held it: its NULL is nobody's edit."""
    scene = Scene()
    scene.rows.triggers[TABLE] = [lambda statement: {"Name": str((statement.after or {})["Name"]).upper()}]
    scene.records.automation.append(lambda save: {"Name": str(save.after["Name"]).lower()})
    pair = scene.linked(Name="Acme")
    stopped = scene.base(pair, "Name").state
    scene.rows.triggers.clear()
    scene.records.automation.clear()
    scene.delete_postgres(pair)
    scene.edit_salesforce(pair, Phone="1")

    scene.drain()
    pair.pk = None

    assert stopped is BaseState.STOPPED
    assert scene.both(scene.find(pair), "Name", "Phone") == (("acme", "1"), ("acme", "1"))


def test_a_hidden_field_survives_a_new_row() -> None:
    """A row that comes back while Salesforce hides a field gets it when it is shown again."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.records.hidden["Account"] = {"Name"}
    scene.delete_postgres(pair)
    scene.edit_salesforce(pair, Phone="1")
    scene.drain()
    scene.records.hidden.clear()
    scene.edit_salesforce(pair, Phone="2")

    scene.drain()
    pair.pk = None

    assert scene.both(scene.find(pair), "Name", "Phone") == (("Acme", "2"), ("Acme", "2"))
