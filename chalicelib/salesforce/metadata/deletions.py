"""What tells of deletions by Apex: a platform event, triggers that publish it, and the credential of the call.

Sources: Metadata API Developer Guide, "ExternalCredential", "NamedCredential", "PlatformEventSubscriberConfig";
Platform Events Developer Guide, "Configure the User and Batch Size for Your Platform Event Trigger"; Apex Developer
Guide, "Triggers and Recovered Records".
"""

from collections.abc import Iterator

from chalicelib.salesforce.client import API_VERSION
from chalicelib.salesforce.metadata.contents import SOURCE, File, Request
from chalicelib.salesforce.metadata.document import Node, document
from chalicelib.salesforce.metadata.names import LONGEST_TRIGGER, component_names
from chalicelib.salesforce.relay import RECORD_CHANGE

CREDENTIAL = "Twinledger"  # named credential, external credential and its principal
API_KEY = "ApiKey"  # the authentication parameter that holds the key; it is entered in Setup and is in no file

_RESTORED = frozenset(
    {
        "Account",
        "Asset",
        "Campaign",
        "Case",
        "Contact",
        "ContentDocument",
        "Contract",
        "Lead",
        "Opportunity",
        "Product2",
        "Solution",
    }
)  # standard objects whose records a trigger sees restored
_NEVER_DELETED = frozenset({"User"})
_EVENTS_AT_ONCE = 1000  # ten requests of the job that the event's trigger starts
_FIELDS = (("Change__c", "Change", 10), ("Object__c", "Object", 80), ("Record_Id__c", "Record Id", 18))
_TESTS = "TwinledgerTriggersTest"


def deletions(request: Request) -> Iterator[File]:
    """All of it; nothing where deletions are told of in another way."""
    if not request.telling:
        return
    yield from _event()
    yield from _credentials(request)
    yield from _triggers(request)
    config: list[Node] = [
        ("batchSize", _EVENTS_AT_ONCE),
        ("isProtected", False),
        ("masterLabel", "TwinledgerRecordChange"),
        ("platformEventConsumer", "TwinledgerRecordChange"),
        ("user", request.run_by),
    ]
    kind = "PlatformEventSubscriberConfig"
    path = f"{SOURCE}/PlatformEventSubscriberConfigs/TwinledgerRecordChange.platformEventSubscriberConfig-meta.xml"
    yield File(path, document(kind, config), kind, "TwinledgerRecordChange")


def _event() -> Iterator[File]:
    folder = f"{SOURCE}/objects/{RECORD_CHANGE}"
    nodes: list[Node] = [
        ("deploymentStatus", "Deployed"),
        ("description", "A record that Twinledger keeps the same was deleted or restored."),
        ("eventType", "HighVolume"),
        ("label", "Record Change"),
        ("pluralLabel", "Record Changes"),
        ("publishBehavior", "PublishAfterCommit"),
    ]
    text = document("CustomObject", nodes)
    yield File(f"{folder}/{RECORD_CHANGE}.object-meta.xml", text, "CustomObject", RECORD_CHANGE)
    for name, label, length in _FIELDS:
        field: list[Node] = [
            ("fullName", name),
            ("externalId", False),
            ("isFilteringDisabled", False),
            ("isNameField", False),
            ("isSortingDisabled", False),
            ("label", label),
            ("length", length),
            ("required", True),
            ("type", "Text"),
            ("unique", False),
        ]
        text = document("CustomField", field)
        yield File(f"{folder}/fields/{name}.field-meta.xml", text, "CustomField", f"{RECORD_CHANGE}.{name}")


def _credentials(request: Request) -> Iterator[File]:
    principal: list[Node] = [
        ("parameterName", CREDENTIAL),
        ("parameterType", "NamedPrincipal"),
        ("sequenceNumber", 1),
    ]
    header: list[Node] = [
        ("parameterName", "x-api-key"),
        ("parameterType", "AuthHeader"),
        ("parameterValue", f"{{!$Credential.{CREDENTIAL}.{API_KEY}}}"),
        ("sequenceNumber", 1),
    ]
    external: list[Node] = [
        ("authenticationProtocol", "Custom"),
        (
            "description",
            f"Twinledger's API key. It is the principal's authentication parameter {API_KEY}, set in Setup.",
        ),
        ("externalCredentialParameters", principal),
        ("externalCredentialParameters", header),
        ("label", CREDENTIAL),
    ]
    text = document("ExternalCredential", external)
    path = f"{SOURCE}/externalCredentials/{CREDENTIAL}.externalCredential-meta.xml"
    yield File(path, text, "ExternalCredential", CREDENTIAL)
    address: list[Node] = [
        ("parameterName", "Url"),
        ("parameterType", "Url"),
        ("parameterValue", request.called_at),
    ]
    authentication: list[Node] = [
        ("externalCredential", CREDENTIAL),
        ("parameterName", "ExternalCredential"),
        ("parameterType", "Authentication"),
    ]
    named: list[Node] = [
        ("allowMergeFieldsInBody", False),
        ("allowMergeFieldsInHeader", True),
        ("calloutStatus", "Enabled"),
        ("generateAuthorizationHeader", False),
        ("label", CREDENTIAL),
        ("namedCredentialParameters", address),
        ("namedCredentialParameters", authentication),
        ("namedCredentialType", "SecuredEndpoint"),
    ]
    text = document("NamedCredential", named)
    path = f"{SOURCE}/namedCredentials/{CREDENTIAL}.namedCredential-meta.xml"
    yield File(path, text, "NamedCredential", CREDENTIAL)


def _triggers(request: Request) -> Iterator[File]:
    """A trigger for each object, and the class that tests them all."""
    objects = [name for name in request.objects if name not in _NEVER_DELETED]
    for name, trigger in component_names(objects, "Twinledger_", LONGEST_TRIGGER).items():
        path = f"{SOURCE}/triggers/{trigger}.trigger"
        yield File(path, _trigger(name, trigger), "ApexTrigger", trigger)
        yield File(f"{path}-meta.xml", _active("ApexTrigger"))
    methods = "".join(_test(name, method) for name, method in component_names(objects, "tellsOf_").items())
    text = (
        f"/** Deletions, and undeletions where there are any, of each mapped object reach Twinledger. */\n"
        f"@IsTest\nprivate class {_TESTS} {{\n{methods.removeprefix(chr(10))}}}\n"
    )
    path = f"{SOURCE}/classes/{_TESTS}.cls"
    yield File(path, text, "ApexClass", _TESTS)
    yield File(f"{path}-meta.xml", _active("ApexClass"))


def _trigger(name: str, trigger: str) -> str:
    if not _is_restored(name):
        return (
            f"/** Twinledger is told of what was deleted. */\ntrigger {trigger} on {name}(after delete) {{\n"
            "    TwinledgerDeletions.publish('deleted', Trigger.old);\n}\n"
        )
    return (
        f"/** Twinledger is told of what was deleted or restored. */\n"
        f"trigger {trigger} on {name}(after delete, after undelete) {{\n"
        "    if (Trigger.isDelete) {\n"
        "        TwinledgerDeletions.publish('deleted', Trigger.old);\n"
        "    } else {\n"
        "        TwinledgerDeletions.publish('undeleted', Trigger.new);\n"
        "    }\n}\n"
    )


def _test(name: str, method: str) -> str:
    restored = str(_is_restored(name)).lower()
    return (
        f"\n    @IsTest\n    static void {method}() {{\n"
        f"        TwinledgerDeletionsTest.tellsOf({name}.SObjectType, {restored});\n    }}\n"
    )


def _is_restored(name: str) -> bool:
    """Whether a trigger runs when a record is restored."""
    return name in _RESTORED or name.endswith("__c")


def _active(kind: str) -> str:
    return document(kind, [("apiVersion", API_VERSION), ("status", "Active")])
