"""Records of which a side has refused a write, and the rules by which it did."""

from chalicelib.core.errors import Rejected
from chalicelib.core.model import Side
from tests.fakes.records import Save
from tests.fakes.rows import Statement
from tests.unit.core.scene import Pair, Scene

TABLE = "public.account"


def no_bad_name(save: Save) -> Rejected | None:
    """A validation rule that names its field."""
    return Rejected("no bad names", code="RULE", fields=("Name",)) if save.after.get("Name") == "bad" else None


def no_bad_record(save: Save) -> Rejected | None:
    """A validation rule that blames nothing in particular; a VIP's record passes."""
    bad = save.after.get("Name") == "bad" and save.after.get("Note") != "vip"
    return Rejected("not like this", code="RULE") if bad else None


def no_bad_row(statement: Statement) -> Rejected | None:
    """A trigger that raises, and blames no column."""
    after = statement.after or {}
    return Rejected("not like this", code="P0001") if after.get("Name") == "bad" and after["Note"] != "vip" else None


def parked() -> tuple[Scene, Pair]:
    """Salesforce refused a name."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.records.refusals.append(no_bad_name)
    scene.edit_postgres(pair, Name="bad")
    scene.drain()
    scene.wire.calls.clear()
    return scene, pair


def parked_whole(side: Side) -> tuple[Scene, Pair]:
    """A side refused a write of two fields without blaming either."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    if side is Side.SALESFORCE:
        scene.records.refusals.append(no_bad_record)
        scene.edit_postgres(pair, Name="bad", Phone="2")
    else:
        scene.rows.refusals[TABLE] = [no_bad_row]
        scene.edit_salesforce(pair, Name="bad", Phone="2")
    scene.drain()
    scene.wire.calls.clear()
    return scene, pair
