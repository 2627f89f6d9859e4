"""Accounts and their contacts, of which one side is not there yet."""

from chalicelib.core.model import RowId
from tests.unit.core.scene import Pair, Scene

CONTACTS = "public.contact"


def unborn(scene: Scene) -> tuple[Pair, RowId]:
    """An account's row of which no message was worked off yet."""
    pair = scene.insert_postgres(Name="Acme")
    return pair, scene.row_id(pair)


def child_row(scene: Scene, parent: RowId | None) -> Pair:
    """A contact's row."""
    return Pair("Contact", CONTACTS, pk=scene.rows.insert(CONTACTS, {"LastName": "Lee", "AccountId": parent}))


def child_record(scene: Scene, parent: str | None) -> Pair:
    """A contact in Salesforce."""
    return Pair("Contact", CONTACTS, scene.records.add("Contact", {"LastName": "Lee", "AccountId": parent}))


def parent_record(scene: Scene) -> str:
    """An account in Salesforce whose message got lost."""
    sfid = scene.records.add("Account", {**dict.fromkeys(scene.mapping.names), "Name": "Acme"})
    scene.queue.pop()
    return sfid
