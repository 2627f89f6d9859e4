"""References between Salesforce ids and foreign keys: to the same table, in a circle, before the parent, moved."""

from tests.integration.families.conftest import Household


def test_a_row_that_refers_to_its_own_table_waits_for_that_row(home: Household) -> None:
    """Three generations, the youngest first: all of them are there, and none was ever without its parent."""
    eldest = home.insert("account", name="Eldest")
    middle = home.insert("account", name="Middle", parent_id=eldest)
    home.insert("account", name="Youngest", parent_id=middle)
    home.settle()

    found = {record["Name"]: record["ParentId"] for record in home.records("Account", "Name", "ParentId").values()}
    assert {"Eldest": None, "Middle": home.sfid("account", eldest), "Youngest": home.sfid("account", middle)} == found


def test_records_of_four_generations_that_are_told_of_backwards(home: Household) -> None:
    """Account, account below it, contact, contact that reports to it: every row stands below its parent."""
    top = home.make("Account", Name="Top")
    below = home.make("Account", Name="Below", ParentId=top)
    boss = home.make("Contact", LastName="Boss", AccountId=below)
    clerk = home.make("Contact", LastName="Clerk", AccountId=below, ReportsToId=boss)
    home.tell(("Contact", clerk), ("Contact", boss), ("Account", below), ("Account", top))
    home.settle()

    accounts, contacts = home.rows("account"), home.rows("contact")
    assert accounts[below]["parent_id"] == accounts[top]["id"]
    assert contacts[boss]["account_id"] == contacts[clerk]["account_id"] == accounts[below]["id"]
    assert contacts[clerk]["reports_to_id"] == contacts[boss]["id"]
    assert home.issues() == []


def test_rows_that_refer_to_each_other_are_made_all_the_same(home: Household) -> None:
    """One of a circle is made without its reference, which it gets when the others are there."""
    with home.world.database.transaction():
        account = home.insert("account", name="Circle")
        contact = home.insert("contact", last_name="Circle", account_id=account)
        home.run("UPDATE account SET main_contact_id = %s WHERE id = %s", contact, account)
    home.settle()

    made, main = home.sfid("account", account), home.sfid("contact", contact)
    assert None not in (made, main)
    assert home.records("Account", "Main_Contact__c")[str(made)] == {"Main_Contact__c": main}
    assert home.records("Contact", "AccountId")[str(main)] == {"AccountId": made}


def test_records_that_refer_to_each_other_become_rows_all_the_same(home: Household) -> None:
    """In the other direction, too."""
    account = home.make("Account", Name="Ring")
    contact = home.make("Contact", LastName="Ring", AccountId=account)
    home.save("Account", account, Main_Contact__c=contact)
    home.tell(("Account", account), ("Contact", contact))
    home.settle()

    rows, contacts = home.rows("account"), home.rows("contact")
    assert rows[account]["main_contact_id"] == contacts[contact]["id"]
    assert contacts[contact]["account_id"] == rows[account]["id"]
    assert home.issues() == []


def test_a_child_moves_while_both_its_parents_change(home: Household) -> None:
    """To a parent that is new itself, and edited on the other side meanwhile."""
    old = home.make("Account", Name="Old")
    child = home.make("Contact", LastName="Mover", AccountId=old)
    home.tell(("Account", old), ("Contact", child))
    home.settle()
    new = home.insert("account", name="New")
    home.run("UPDATE contact SET account_id = %s WHERE sfid = %s", new, child)
    home.run("UPDATE account SET phone = '1' WHERE sfid = %s", old)
    home.save("Account", old, Name="Older")
    home.save("Contact", child, Email="mover@example.com")
    home.tell(("Contact", child), ("Account", old))
    home.settle()

    made = home.sfid("account", new)
    assert home.records("Contact", "AccountId", "Email")[child] == {"AccountId": made, "Email": "mover@example.com"}
    assert home.records("Account", "Name", "Phone")[old] == {"Name": "Older", "Phone": "1"}
    row = home.rows("contact")[child]
    assert (row["account_id"], row["email"]) == (new, "mover@example.com")
    assert home.issues() == []


def test_details_are_made_below_their_masters_whatever_comes_first(home: Household) -> None:
    """References that take no NULL, over three generations and from both sides."""
    account = home.insert("account", name="Master")
    invoice = home.insert("invoice", name="I1", account_id=account)
    home.insert("line", name="L1", invoice_id=invoice)
    home.settle()
    made = {line["Name"]: line["Invoice__c"] for line in home.records("Line__c", "Name", "Invoice__c").values()}
    assert made == {"L1": home.sfid("invoice", invoice)}

    master = home.sfid("account", account)
    detail = home.make("Invoice__c", Name="I2", Account__c=master)
    line = home.make("Line__c", Name="L2", Invoice__c=detail)
    home.tell(("Line__c", line), ("Invoice__c", detail))
    home.settle()
    assert home.rows("line")[line]["invoice_id"] == home.rows("invoice")[detail]["id"]
    assert home.issues() == []
