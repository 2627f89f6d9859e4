"""What a package makes an org send is what the webhooks read."""

import json
import re

import pytest
from defusedxml.ElementTree import fromstring

from chalicelib.core.mapping import Kind
from chalicelib.core.model import Change
from chalicelib.salesforce.events import parse_events
from chalicelib.salesforce.metadata.contents import SOURCE, Request
from chalicelib.salesforce.metadata.package import package
from chalicelib.salesforce.outbound_message import hint, parse
from tests.contract.record_bench import mapping
from tests.unit.salesforce.metadata.samples import INFRA, texts

CONTACT = mapping("contact", "Contact", {"LastName": Kind.TEXT, "Email": Kind.TEXT, "Notes__c": Kind.TEXT})
VALUES = {
    "Id": "003xx000004TmiQAAS",
    "CreatedDate": "2026-11-24T05:06:07.000Z",
    "LastModifiedDate": "2026-11-24T05:06:07.000Z",
    "LastModifiedById": "005xx000001X8UzAAK",
    "SystemModstamp": "2026-11-24T05:06:07.000Z",
    "Twinledger_Key__c": "0b5e7a2c-3c5b-5f6e-8f0e-1d2c3b4a5968",
    "Twinledger_Op__c": "0193",
    "LastName": "Poe",
    "Email": "poe@example.com",
    "Notes__c": "long",
}
ENVELOPE = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>
 <notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00Dxx0000001gPFEAY</OrganizationId>
 <ActionId>04kxx00000000blBAA</ActionId><SessionId xsi:nil="true"/>
 <Notification><Id>04lxx000000CaSeAAK</Id>
 <sObject xsi:type="sf:Contact" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{}</sObject>
 </Notification></notifications></soapenv:Body></soapenv:Envelope>"""


@pytest.mark.parametrize(("long", "complete"), [((), True), (("Notes__c",), False)])
def test_a_message_with_the_fields_of_its_metadata(long: tuple[str, ...], complete: bool) -> None:
    """It stands for a read, unless a long text is left out: then the record is read."""
    request = Request(objects={"Contact": CONTACT.names}, long={"Contact": frozenset(long)})
    metadata = fromstring(package(request)[f"{SOURCE}/workflows/Contact.workflow-meta.xml"])
    sent = "".join(f"<sf:{name}>{VALUES[name]}</sf:{name}>" for name in texts(metadata, "outboundMessages/fields"))
    [notification] = parse(ENVELOPE.format(sent).encode()).notifications
    told = hint(notification, CONTACT, VALUES["LastModifiedById"])
    assert told is not None
    assert told.record is not None
    assert CONTACT.complete(told.record.values) == complete
    assert (told.record.key, told.record.marker) == (VALUES["Twinledger_Key__c"], VALUES["Twinledger_Op__c"])
    assert (told.change, told.record.ours) == (Change.CREATED, True)


def test_the_event_that_apex_sends() -> None:
    """The members of its map, with values as Apex spells them, are those of the webhook's contract."""
    source = (INFRA / "deletions" / "main" / "default" / "classes" / "TwinledgerDeletions.cls").read_text()
    members = re.findall(r"'(\w+)' => event\.", source) + re.findall(r"item\.put\('(\w+)'", source)
    values = {
        "object": "Contact",
        "record_id": VALUES["Id"],
        "change": "deleted",
        "event_id": "95c3e0b1-6a0b-4c7e-9f0a-2b1c3d4e5f60",
        "occurred_at": "2026-11-24T05:06:07Z",
    }
    assert sorted(members) == sorted(values)
    assert "yyyy-MM-dd\\'T\\'HH:mm:ss\\'Z\\'" in source
    [told] = parse_events(json.dumps([values]).encode())
    assert (told.change, told.sfid, told.occurred_at) == (Change.DELETED, VALUES["Id"], 1795496767.0)
