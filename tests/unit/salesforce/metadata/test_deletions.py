"""What tells of deletions: Apex that parses, an event, credentials without a secret; or Change Data Capture."""

import json

import pytest
from defusedxml.ElementTree import fromstring

from chalicelib.salesforce.client import API_VERSION
from chalicelib.salesforce.events import MOST_EVENTS
from chalicelib.salesforce.metadata.contents import API_URL, AWS_ACCOUNT, SOURCE, Deletions, Request
from chalicelib.salesforce.metadata.package import package
from chalicelib.salesforce.relay import parse_relayed
from tests.unit.salesforce.apex import mistakes, reserved
from tests.unit.salesforce.metadata.samples import LONG_NAME, OBJECTS, WEBHOOK_URL, read, sources, texts, told

TRIGGERS = package(told(Deletions.TRIGGER))
RELAY = package(told(Deletions.RELAY))
CODE = {path: text for path, text in TRIGGERS.items() if path.endswith((".cls", ".trigger"))}


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.rpartition("/")[2])
def test_apex_parses(path: str) -> None:
    """No error, nothing missing, no reserved word for a name; active, of the client's API version."""
    assert mistakes(CODE[path].encode()) == []
    assert reserved(CODE[path].encode()) == set()
    root = fromstring(TRIGGERS[f"{path}-meta.xml"])
    assert (texts(root, "apiVersion"), texts(root, "status")) == ([API_VERSION], ["Active"])


def test_each_object_has_a_trigger_and_a_test_of_it() -> None:
    """Names of Apex have at most 40 characters."""
    names = [path.rpartition("/")[2].removesuffix(".trigger") for path in CODE if path.endswith(".trigger")]
    assert sorted(names) == [
        "TwinledgerRecordChange",
        "Twinledger_Account",
        "Twinledger_Contact",
        "Twinledger_Invoice_c",
        "Twinledger_acme_Quote_c",
        next(name for name in names if "acme_industries" in name),
    ]
    assert all(len(name) <= 40 for name in names)
    tests = TRIGGERS[f"{SOURCE}/classes/TwinledgerTriggersTest.cls"]
    assert all(f"TwinledgerDeletionsTest.tellsOf({name}.SObjectType, true);" in tests for name in OBJECTS)
    assert "trigger Twinledger_acme_Quote_c on acme__Quote__c(after delete, after undelete) {" in "".join(CODE.values())
    assert f" on {LONG_NAME}(after delete, after undelete) {{" in "".join(CODE.values())


def test_not_every_object_is_restored_or_deleted() -> None:
    """A trigger that Salesforce would refuse is not made."""
    objects = {"Order": ("Status",), "User": ("Alias",)}
    files = package(
        Request(
            objects=objects,
            long={name: frozenset() for name in objects},
            deletions=Deletions.TRIGGER,
            telling=sources("deletions"),
        )
    )
    assert (
        "on Order(after delete) {\n    TwinledgerDeletions.publish('deleted', Trigger.old);\n}"
        in (files[f"{SOURCE}/triggers/Twinledger_Order.trigger"])
    )
    assert f"{SOURCE}/triggers/Twinledger_User.trigger" not in files
    assert "tellsOf(Order.SObjectType, false)" in files[f"{SOURCE}/classes/TwinledgerTriggersTest.cls"]


def test_requests_are_of_a_size_that_is_taken() -> None:
    """The class sends as many events at once as the webhook takes, to the path that it is at."""
    source = CODE[f"{SOURCE}/classes/TwinledgerDeletions.cls"]
    assert f"MOST_EVENTS = {MOST_EVENTS};" in source
    assert "'callout:Twinledger/webhooks/events'" in source


def test_the_event_is_the_one_that_is_read() -> None:
    """The fields that the class sets are those of the event's metadata, and the relay reads such an event, too."""
    folder = f"{SOURCE}/objects/Record_Change__e/fields/"
    fields = {path.removeprefix(folder).partition(".")[0] for path in TRIGGERS if path.startswith(folder)}
    values = {"Object__c": "Account", "Record_Id__c": "001000000000001AAA", "Change__c": "deleted"}
    assert fields == set(values)
    assert all(f"{name} = " in CODE[f"{SOURCE}/classes/TwinledgerDeletions.cls"] for name in fields)
    event = {
        "source": "aws.partner/salesforce.com/00Dxx0000001gPFEAY/0YL",
        "detail-type": "Record_Change__e",
        "detail": {"payload": values | {"EventUuid": "uuid"}},
    }
    assert [hint.change for hint in parse_relayed(event).hints] == ["deleted"]
    event_type = read(TRIGGERS, "objects/Record_Change__e/Record_Change__e.object-meta.xml")
    assert texts(event_type, "publishBehavior") == ["PublishAfterCommit"]


def test_the_call_is_made_by_the_integration_user() -> None:
    """Who deletes needs no access to the credential."""
    config = read(
        package(told(Deletions.TRIGGER, integration_user="sync@example.com")),
        "PlatformEventSubscriberConfigs/TwinledgerRecordChange.platformEventSubscriberConfig-meta.xml",
    )
    assert texts(config, "user") == ["sync@example.com"]
    assert texts(config, "platformEventConsumer") == ["TwinledgerRecordChange"]
    permissions = read(TRIGGERS, "permissionsets/Twinledger.permissionset-meta.xml")
    granted = texts(permissions, "externalCredentialPrincipalAccesses/externalCredentialPrincipal")
    assert granted == ["Twinledger-Twinledger"]
    assert texts(permissions, "objectPermissions/object") == ["UserExternalCredential"]
    assert texts(permissions, "classAccesses/apexClass") == ["TwinledgerRest"]


def test_the_credential_holds_no_secret() -> None:
    """The header is a formula; the address is the API's, which is that of the messages up to the webhooks."""
    external = read(TRIGGERS, "externalCredentials/Twinledger.externalCredential-meta.xml")
    assert texts(external, "externalCredentialParameters/parameterName") == ["Twinledger", "x-api-key"]
    assert texts(external, "externalCredentialParameters/parameterValue") == ["{!$Credential.Twinledger.ApiKey}"]
    path = "namedCredentials/Twinledger.namedCredential-meta.xml"
    given = read(package(told(Deletions.TRIGGER, webhook_url=WEBHOOK_URL)), path)
    assert texts(given, "namedCredentialParameters/parameterValue") == [
        "https://abc.execute-api.eu-central-1.amazonaws.com/api"
    ]
    assert texts(given, "namedCredentialParameters/externalCredential") == ["Twinledger"]
    assert texts(given, "allowMergeFieldsInHeader") == ["true"]
    assert texts(read(TRIGGERS, path), "namedCredentialParameters/parameterValue") == [API_URL.text]


def test_a_channel_of_change_events() -> None:
    """A member for each object, by the name of its change event."""
    folder = f"{SOURCE}/platformEventChannelMembers/"
    members = {
        path.removeprefix(folder).partition(".")[0]: fromstring(text)
        for path, text in RELAY.items()
        if path.startswith(folder)
    }
    events = {name: texts(member, "selectedEntity")[0] for name, member in members.items()}
    long_event = f"{LONG_NAME.removesuffix('c')}ChangeEvent"
    assert events == {
        "Twinledger_chn_AccountChangeEvent": "AccountChangeEvent",
        "Twinledger_chn_ContactChangeEvent": "ContactChangeEvent",
        "Twinledger_chn_Invoice_ChangeEvent": "Invoice__ChangeEvent",
        "Twinledger_chn_acme_Quote_ChangeEvent": "acme__Quote__ChangeEvent",
        next(name for name in events if "Very_Long" in name): long_event,
    }
    assert all(len(name) <= 80 for name in events)
    assert {texts(member, "eventChannel")[0] for member in members.values()} == {"Twinledger__chn"}
    channel = read(RELAY, "platformEventChannels/Twinledger__chn.platformEventChannel-meta.xml")
    assert texts(channel, "channelType") == ["data"]


def test_a_relay_to_the_account() -> None:
    """It says nothing of its state: deploying it again does not stop it. The account is filled in."""
    relay = read(RELAY, "eventRelays/Twinledger.eventRelay-meta.xml")
    assert texts(relay, "destinationResourceName") == ["callout:TwinledgerAws"]
    assert texts(relay, "eventChannel") == ["Twinledger__chn"]
    assert json.loads(texts(relay, "relayOption")[0]) == {"ReplayRecovery": "EARLIEST"}
    assert texts(relay, "state") == []
    credential = read(RELAY, "namedCredentials/TwinledgerAws.namedCredential-meta.xml")
    assert texts(credential, "endpoint") == [AWS_ACCOUNT.text]
    replaced = {one["replaceWithEnv"] for one in json.loads(RELAY["sfdx-project.json"])["replacements"]}
    assert "TWINLEDGER_AWS_ACCOUNT" in replaced
    assert "TWINLEDGER_API_URL" not in replaced


def test_the_sweep_needs_nothing() -> None:
    """Neither Apex of ours beside the class that writes, nor credential, nor channel."""
    files = package(told(Deletions.SWEEP))
    folders = {path.removeprefix(f"{SOURCE}/").partition("/")[0] for path in files if path.startswith(SOURCE)}
    assert folders == {"classes", "flows", "objects", "permissionsets", "workflows"}
    assert not any("TwinledgerDeletions" in path for path in files)
