"""What a restored database tells of the edits since, and which keys it gives a second time."""

import time

import pytest

from chalicelib.core.errors import ConfigurationError
from chalicelib.core.rebase import Since
from chalicelib.postgres.captured import Outbox
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.restored import counted, lead
from tests.integration.postgres.rows_kit import SFID, insert
from tests.integration.postgres.sample import MAPPINGS, account, contact, open_database


def since(owner: Connection, pk: tuple[str, ...], moment: float = 0.0) -> Since:
    """What was captured of an account."""
    [found] = Outbox(owner, MAPPINGS).since(account, [{pk}], moment)
    return found


def insert_quietly(owner: Connection, **values: str) -> tuple[str, ...]:
    """A row of which nothing is captured any more."""
    pk = insert(owner, ", ".join(values), ", ".join(f"'{value}'" for value in values.values()))
    owner.execute("TRUNCATE twinledger.outbox")
    return pk


def test_a_row_that_was_left_alone(owner: Connection) -> None:
    """There is nothing of it; none of our own writes counts."""
    pk = insert_quietly(owner, name="Acme")
    with owner.transaction():
        owner.execute("SET LOCAL twinledger.origin = 'op'")
        owner.execute("UPDATE crm.account SET phone = '1' WHERE id = %s", pk)
    assert since(owner, pk) == Since()
    assert list(Outbox(owner, MAPPINGS).since(account, [], 0.0)) == []


def test_the_first_edit_tells_what_was_there_before(owner: Connection) -> None:
    """In the form in which rows are read; columns of which no field is made are left out."""
    pk = insert_quietly(owner, name="Acme", phone="1")
    for phone in ("2", "3"):
        owner.execute("UPDATE crm.account SET phone = %s, sfid = %s WHERE id = %s", (phone, SFID, *pk))
    assert since(owner, pk) == Since(edited=frozenset({"Phone"}), before={"Phone": "1"})


def test_edits_from_before_the_restore_are_pending(owner: Connection) -> None:
    """The backup held them in its outbox."""
    pk = insert_quietly(owner, name="Acme", phone="1")
    owner.execute("UPDATE crm.account SET phone = '2', name = 'Acme Ltd' WHERE id = %s", pk)
    time.sleep(0.002)
    [(moment,)] = owner.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchall()
    owner.execute("UPDATE crm.account SET phone = '3' WHERE id = %s", pk)
    assert isinstance(moment, float)
    assert since(owner, pk, moment) == Since(
        edited=frozenset({"Phone"}), before={"Phone": "2"}, pending={"Phone": "1", "Name": "Acme"}
    )


def test_deletions_and_new_rows(owner: Connection) -> None:
    """A new row that is deleted again leaves the old one's deletion as it was."""
    pk = insert_quietly(owner, name="Acme", phone="1")
    owner.execute("DELETE FROM crm.account WHERE id = %s", pk)
    gone = since(owner, pk)
    assert (gone.created, gone.deleted, gone.before["Name"], gone.before["Phone"]) == (False, True, "Acme", "1")

    new = ("INSERT INTO crm.account (id, name) OVERRIDING SYSTEM VALUE VALUES (%s, 'New')", pk)
    owner.execute(*new)
    owner.execute("UPDATE crm.account SET name = 'Newer' WHERE id = %s", pk)
    again = since(owner, pk)
    assert (again.created, again.deleted, again.before["Name"]) == (True, True, "Acme")
    owner.execute("DELETE FROM crm.account WHERE id = %s", pk)
    assert since(owner, pk) == gone


def test_a_parent_that_has_no_link_is_no_value(owner: Connection) -> None:
    """That it was edited is known."""
    parents = [insert(owner, "name, sfid", "'Linked', '001000000000001AAA'"), insert(owner)]
    insert_child = 'INSERT INTO crm.contact ("last ""Name""", account_id) VALUES (\'Poe\', %s) RETURNING id::text'
    made = [owner.execute(insert_child, parent).fetchone() for parent in parents]
    keys = [(str(row[0]),) for row in made if row is not None]
    owner.execute("TRUNCATE twinledger.outbox")
    owner.execute("UPDATE crm.contact SET account_id = NULL")
    found = Outbox(owner, MAPPINGS).since(contact, [{key} for key in keys], 0.0)
    assert [one.edited for one in found] == [frozenset({"AccountId"})] * 2
    assert [dict(one.before) for one in found] == [{"AccountId": "001000000000001AAA"}, {}]


def test_keys_that_the_database_counts(owner: Connection) -> None:
    """It gives the same ones again after a restore; a UUID it does not."""
    assert counted(owner, MAPPINGS) == {"account"}


def test_no_relay_leads_beside_a_rebase(owner: Connection, dsn: str) -> None:
    """Nor the other way round."""
    assert lead(owner)
    with open_database(dsn) as relay:
        assert not lead(relay)
    owner.execute("SELECT pg_advisory_unlock_all()")


def test_a_database_without_an_outbox_says_so(owner: Connection) -> None:
    """It was taken away by hand."""
    owner.execute("ALTER TABLE twinledger.outbox RENAME TO gone")
    try:
        with pytest.raises(ConfigurationError):
            since(owner, ("1",))
    finally:
        owner.execute("ALTER TABLE twinledger.gone RENAME TO outbox")
