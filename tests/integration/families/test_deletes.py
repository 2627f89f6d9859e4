"""Deletions of records that others refer to, on both sides: children go first, and come back with their parent."""

from tests.integration.families.conftest import TABLES, Household


def family(home: Household, name: str) -> dict[str, str]:
    """An account with a contact and an invoice of one line, on both sides."""
    account = home.make("Account", Name=name)
    contact = home.make("Contact", LastName=name, AccountId=account)
    invoice = home.make("Invoice__c", Name=name, Account__c=account)
    line = home.make("Line__c", Name=name, Invoice__c=invoice)
    found = {"Account": account, "Contact": contact, "Invoice__c": invoice, "Line__c": line}
    home.tell(*found.items())
    home.settle()
    assert home.rows("line")[line]["name"] == name
    return found


def standing(home: Household, ids: dict[str, str]) -> tuple[set[str], set[str]]:
    """Which members are in Postgres, and which in Salesforce."""
    rows = {name for name, sfid in ids.items() if sfid in home.rows(TABLES[name])}
    return rows, {name for name, sfid in ids.items() if sfid in home.records(name)}


def test_a_cascade_in_salesforce_reaches_every_row(home: Household) -> None:
    """Only the account's deletion is told of: its details are deleted without an event of their own."""
    ids = family(home, "Cascade")
    home.bin("Account", ids["Account"])
    home.tell(("Account", ids["Account"]))
    home.settle()

    assert standing(home, ids) == (set(), set())
    assert home.issues() == []


def test_a_family_comes_back_with_its_parent(home: Household) -> None:
    """Salesforce brings the details back; the sweep finds them, and every row stands below its parent again."""
    ids = family(home, "Revived")
    home.bin("Account", ids["Account"])
    home.tell(("Account", ids["Account"]))
    home.settle()
    home.control("undelete", ids=[ids["Account"]])
    home.sweep()
    home.settle()

    assert standing(home, ids) == (set(ids), set(ids))
    assert home.rows("line")[ids["Line__c"]]["invoice_id"] == home.rows("invoice")[ids["Invoice__c"]]["id"]
    assert home.issues() == []


def test_a_purged_family_stays_away(home: Household) -> None:
    """Emptied out of the bin before anybody looked: nothing is made again."""
    ids = family(home, "Purged")
    home.bin("Account", ids["Account"])
    home.control("purge", ids=list(ids.values()))
    home.tell(*reversed(ids.items()))
    home.settle()

    assert standing(home, ids) == (set(), set())
    assert home.issues() == []


def test_a_cascade_in_postgres_reaches_every_record(home: Household) -> None:
    """ON DELETE CASCADE: every row's own trigger tells of it."""
    ids = family(home, "Rows")
    home.run("DELETE FROM line WHERE sfid = %s", ids["Line__c"])
    home.run("DELETE FROM account WHERE sfid = %s", ids["Account"])
    home.settle()

    assert standing(home, ids) == (set(), set())
    assert home.issues() == []


def test_a_truncated_family_is_deleted(home: Household) -> None:
    """TRUNCATE ... CASCADE tells of no row: the ledger knows what was there, and details go before their masters."""
    ids = family(home, "Truncated")
    home.run("TRUNCATE invoice CASCADE")
    home.settle()

    assert standing(home, ids) == ({"Account", "Contact"}, {"Account", "Contact"})
    assert home.issues() == []


def test_a_child_edited_meanwhile_outlives_the_cascade(home: Household) -> None:
    """Of a family that is deleted in Salesforce, one row is edited: it stays, and its record comes back.

    Without its account, as Salesforce brings back what was deleted with its parent; ON DELETE CASCADE takes no part.
    """
    ids = family(home, "Edited")
    home.bin("Account", ids["Account"])
    home.run("UPDATE contact SET email = 'edited@example.com' WHERE sfid = %s", ids["Contact"])
    home.tell(("Account", ids["Account"]))
    home.settle()

    assert standing(home, ids) == ({"Contact"}, {"Contact"})
    row = home.rows("contact")[ids["Contact"]]
    assert (row["email"], row["account_id"]) == ("edited@example.com", None)
    record = home.records("Contact", "Email", "AccountId")[ids["Contact"]]
    assert record == {"Email": "edited@example.com", "AccountId": None}


def test_a_record_edited_meanwhile_outlives_its_parents_deletion(home: Household) -> None:
    """A family is deleted in Postgres while a user edits the contact in Salesforce: the edit is not lost."""
    ids = family(home, "Kept")
    home.save("Contact", ids["Contact"], Email="kept@example.com")
    home.run("DELETE FROM line WHERE sfid = %s", ids["Line__c"])
    home.run("DELETE FROM account WHERE sfid = %s", ids["Account"])
    home.settle()

    assert home.records("Contact", "Email").get(ids["Contact"]) == {"Email": "kept@example.com"}
    assert ids["Contact"] in home.rows("contact")


def test_a_detail_edited_meanwhile_is_told_of(home: Household) -> None:
    """It cannot come back without its master: nothing of the family goes in Postgres, until a person undeletes it."""
    ids = family(home, "Detail")
    home.bin("Account", ids["Account"])
    home.run("UPDATE line SET name = 'edited' WHERE sfid = %s", ids["Line__c"])
    home.tell(("Account", ids["Account"]))
    home.settle()
    rows, records = standing(home, ids)
    refused = {issue.mapping for issue in home.issues()}
    home.control("undelete", ids=[ids["Account"]])
    home.sweep()
    home.settle()

    assert (rows, records, refused) == ({"Account", "Invoice__c", "Line__c"}, set(), {"line"})
    assert standing(home, ids) == (set(ids), set(ids))
    assert home.records("Line__c")[ids["Line__c"]] == {"Name": "edited"}
    assert home.issues() == []
