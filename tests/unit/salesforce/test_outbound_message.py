"""Outbound messages: what is read of them, and what is refused."""

import re
from dataclasses import replace

import pytest
from defusedxml.ElementTree import fromstring

from chalicelib.core.model import Change, Record, SalesforceId
from chalicelib.salesforce.malformed import MalformedMessage
from chalicelib.salesforce.outbound_message import MOST_ELEMENTS, Notification, ack, hint, parse
from tests.unit.salesforce.samples import CONTACT, payload

GOLDEN = payload("outbound_message_contact.xml")
ONE = re.sub(rb"<Notification>.*</Notification>\s*", b"", GOLDEN, flags=re.DOTALL)
ITEM = b"""<Notification><Id>04lxx000000CaSeAAK</Id>
<sObject xsi:type="sf:Contact" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
<sf:Id>003xx000004TmiQAAS</sf:Id></sObject></Notification>"""


def message(*items: bytes) -> bytes:
    """A message with these notifications."""
    return ONE.replace(b"</notifications>", b"".join(items) + b"</notifications>")


def test_reads_a_message() -> None:
    """Org, action, and each notification with the texts that were sent."""
    found = parse(GOLDEN)
    assert (found.organization_id, found.action_id) == ("00Dxx0000001gPFEAY", "04kxx00000000blBAA")
    assert [item.id for item in found.notifications] == [f"04lxx000000CaS{letter}AAK" for letter in "efgh"]
    first = found.notifications[0]
    assert (first.object, first.record_id) == ("Contact", "003xx000004TmiQAAS")
    assert first.fields["LastName"] == "O'Brien & S\u00f6hne"
    assert first.fields["Email"] is None
    assert "Phone" not in first.fields


def test_a_complete_notification_becomes_a_hint_with_its_record() -> None:
    """Values are canonical, absent fields are missing, and the author is told apart from us."""
    found = hint(parse(GOLDEN).notifications[0], CONTACT, "005xx000001TT96AAG")
    assert found is not None
    expected = Record(
        id="003xx000004TmiQAAS",
        key="11111111-2222-3333-4444-555555555555",
        deleted=False,
        values={
            "LastName": "O'Brien & S\u00f6hne",
            "Email": None,
            "Birthdate": "1984-11-25",
            "AccountId": "001xx000003DGb0AAG",
        },
        marker="op-1",
        modified_at=1_788_914_517,
        modified_by="005xx000001TT96AAG",
        ours=True,
        second_open=True,
    )
    assert expected == found.record
    assert (found.identity, found.change) == (SalesforceId("Contact", "003xx000004TmiQAAS"), Change.UPDATED)
    assert (found.hint_id, found.actor) == ("04lxx000000CaSeAAK", "005xx000001TT96AAG")
    assert (found.occurred_at, found.sfid) == (1_788_914_517.0, "003xx000004TmiQAAS")


@pytest.mark.parametrize("user_id", [None, "005xx000001TT97AAG"])
def test_an_author_who_is_not_known_to_be_us(user_id: str | None) -> None:
    """Without our own id, or with another's, the record is not ours."""
    found = hint(parse(GOLDEN).notifications[0], CONTACT, user_id)
    assert found is not None
    assert found.record is not None
    assert not found.record.ours


def test_a_new_record_is_told_by_its_dates() -> None:
    """Created and last modified at the same time: created; and little of it is known."""
    found = hint(parse(GOLDEN).notifications[1], CONTACT, None)
    assert found is not None
    assert found.change is Change.CREATED
    assert found.record is not None
    assert (found.record.values, found.record.key, found.record.modified_by) == ({}, None, None)


def test_a_record_that_is_gone_gives_a_hint_without_content() -> None:
    """Only the id came: the record is to be read."""
    found = hint(parse(GOLDEN).notifications[2], CONTACT, None)
    assert found is not None
    assert (found.record, found.occurred_at, found.sfid) == (None, None, "003xx000004TmiSAAS")


def test_a_notification_without_anything_gives_no_hint() -> None:
    """Nothing says which record it was; the sweep will find it."""
    assert hint(parse(GOLDEN).notifications[3], CONTACT, None) is None


@pytest.mark.parametrize(
    ("field", "text"),
    [("LastModifiedDate", "yesterday"), ("LastModifiedDate", "2026-09-09T00:41:57"), ("LastModifiedDate", None)],
)
def test_a_date_that_cannot_be_read_leaves_the_record_out(field: str, text: str | None) -> None:
    """Without a stamp a message cannot stand for a read."""
    first = parse(GOLDEN).notifications[0]
    found = hint(replace(first, fields={**first.fields, field: text}), CONTACT, None)
    assert found is not None
    assert found.record is None


def test_values_that_cannot_be_read_are_left_out() -> None:
    """The record is then not complete, and is read."""
    first = parse(GOLDEN).notifications[0]
    fields = {**first.fields, "Birthdate": "soon", "AccountId": "x", "LastModifiedById": "nobody"}
    found = hint(replace(first, fields=fields), CONTACT, None)
    assert found is not None
    assert found.record is not None
    assert ({"LastName", "Email"}, None) == (set(found.record.values), found.record.modified_by)


def test_fields_that_are_none_of_ours_are_kept_out() -> None:
    """Nested elements say nothing; the first of two fields of one name counts; other prefixes are as good."""
    item = ITEM.replace(b"</sObject>", b"<sf:A><sf:B>1</sf:B></sf:A><sf:C>1</sf:C><sf:C>2</sf:C><sf:D/></sObject>")
    assert parse(message(item.replace(b"sf:", b"ens:").replace(b"xmlns:sf", b"xmlns:ens"))).notifications == (
        Notification("04lxx000000CaSeAAK", "Contact", "003xx000004TmiQAAS", {"C": "1", "D": None}),
    )


def test_a_hundred_notifications_are_read() -> None:
    """The most that Salesforce sends."""
    assert len(parse(message(*[ITEM] * 100)).notifications) == 100


BOMB = b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (BOMB, "document type or an entity"),
        (EXTERNAL, "document type or an entity"),
        (b'<!DOCTYPE x SYSTEM "http://example.com/x.dtd"><x/>', "document type or an entity"),
        (b"<x>&unknown;</x>", "line 1, column 4"),
        (b"", "line 1, column 1"),
        (b"{}", "no well-formed XML"),
        (GOLDEN[:-30], "no well-formed XML"),
        (GOLDEN.replace(b"UTF-8", b"no-such"), "no XML in an encoding"),
        (GOLDEN.replace("\u00f6".encode(), b"\xf6").replace(b"&#xF6;", b"\xf6"), "no well-formed XML"),
        (b"<x>" + b"<x/>" * MOST_ELEMENTS + b"</x>", f"more than {MOST_ELEMENTS} elements"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "more than 20 levels"),
        (b"<Envelope/>", "the root is Envelope, not a SOAP"),
        (b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>', "Envelope has no Body"),
        (GOLDEN.replace(b"2005/09/outbound", b"2015/09/outbound"), "Envelope/Body has no notifications"),
        (message(), "0 Notification elements"),
        (message(*[ITEM] * 101), "101 Notification elements, not 1 to 100"),
        (GOLDEN.replace(b"00Dxx0000001gPFEAY", b""), "notifications/OrganizationId has 0 characters"),
        (GOLDEN.replace(b"00Dxx0000001gPFEAY", b"00D"), "notifications/OrganizationId: a Salesforce id"),
        (GOLDEN.replace(b"ActionId", b"Action"), "notifications has no ActionId"),
        (message(ITEM, ITEM.replace(b"04lxx000000CaSeAAK", b" ")), r"Notification\[2\]/Id has 0 characters, not 1"),
        (message(ITEM.replace(b"04lxx000000CaSeAAK", b"0" * 101)), r"Notification\[1\]/Id has 101 characters"),
        (message(ITEM.replace(b"003xx000004TmiQAAS", b"003")), r"Notification\[1\]/sObject/Id: a Salesforce id"),
        (message(ITEM.replace(b"sObject", b"object")), r"Notification\[1\] has no sObject"),
        (message(ITEM.replace(b' xsi:type="sf:Contact"', b"")), r"Notification\[1\]/sObject has no xsi:type"),
    ],
)
def test_what_is_no_outbound_message_is_refused(body: bytes, reason: str) -> None:
    """The reason says what is wrong, and where."""
    with pytest.raises(MalformedMessage, match=reason):
        parse(body)


def test_as_many_elements_as_are_allowed_are_read() -> None:
    """And as many levels."""
    levels = b"<sf:A>" * 15 + b"</sf:A>" * 15
    rest = b"<sf:B/>" * (MOST_ELEMENTS - 27)
    found = parse(message(ITEM.replace(b"</sObject>", levels + rest + b"</sObject>")))
    assert [item.fields for item in found.notifications] == [{"B": None}]


@pytest.mark.parametrize(("accepted", "text"), [(True, "true"), (False, "false")])
def test_acknowledgement(accepted: bool, text: str) -> None:
    """A SOAP body with the one word that Salesforce looks for."""
    root = fromstring(ack(accepted=accepted))
    found = root.find(".//{http://soap.sforce.com/2005/09/outbound}notificationsResponse/{*}Ack")
    assert found is not None
    assert text == found.text
