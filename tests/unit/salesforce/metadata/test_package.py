"""A package: every file well-formed, complete, and the same every time."""

import json
from itertools import groupby
from pathlib import PurePosixPath

import pytest
from defusedxml.ElementTree import fromstring

from chalicelib.core.errors import ConfigurationError
from chalicelib.salesforce.client import API_VERSION
from chalicelib.salesforce.metadata.contents import INTEGRATION_USER, SOURCE, WEBHOOK_URL, Deletions, Request
from chalicelib.salesforce.metadata.package import package
from chalicelib.salesforce.soql import KEY_FIELD, MARKER_FIELD
from tests.unit.salesforce.metadata import samples
from tests.unit.salesforce.metadata.samples import LONG_NAME, OBJECTS, apex, read, request, texts, told

EVERY = pytest.mark.parametrize("deletions", list(Deletions))
NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"


@EVERY
def test_every_xml_is_well_formed_and_of_the_metadata_api(deletions: Deletions) -> None:
    """One declaration, one root of its type in the namespace, nothing that a name could have broken."""
    files = package(told(deletions, webhook_url=samples.WEBHOOK_URL, integration_user="o'neil&sons@example.com"))
    roots = {path: fromstring(text).tag for path, text in files.items() if path.endswith(".xml")}
    assert len(roots) == {Deletions.TRIGGER: 40, Deletions.RELAY: 32, Deletions.SWEEP: 24}[deletions]
    assert all(tag.startswith(NAMESPACE) for tag in roots.values())
    message = read(files, "workflows/Account.workflow-meta.xml")
    assert texts(message, "outboundMessages/integrationUser") == ["o'neil&sons@example.com"]


@EVERY
def test_the_same_request_gives_the_same_bytes(deletions: Deletions) -> None:
    """In the same order."""
    assert list(package(told(deletions)).items()) == list(package(told(deletions)).items())


def test_each_object_has_the_two_fields() -> None:
    """The key identifies, whatever its case; the marker is a plain text."""
    files = package(request())
    for name in OBJECTS:
        key = read(files, f"objects/{name}/fields/{KEY_FIELD}.field-meta.xml")
        marker = read(files, f"objects/{name}/fields/{MARKER_FIELD}.field-meta.xml")
        expected = {"type": "Text", "length": "36", "required": "false"}
        assert expected | {"fullName": KEY_FIELD, "externalId": "true", "unique": "true", "caseSensitive": "false"} == {
            child.tag.removeprefix(NAMESPACE): child.text
            for child in key
            if child.tag.removeprefix(NAMESPACE) not in {"description", "label"}
        }
        assert expected | {"fullName": MARKER_FIELD, "externalId": "false", "unique": "false"} == {
            child.tag.removeprefix(NAMESPACE): child.text
            for child in marker
            if child.tag.removeprefix(NAMESPACE) not in {"description", "label"}
        }
        assert all("Clone" in texts(field, "description")[0] for field in (key, marker))


def test_the_permission_set_grants_the_fields() -> None:
    """Both of every object, and the class where there is one; it is no test class that needs access."""
    plain = read(package(request()), "permissionsets/Twinledger.permissionset-meta.xml")
    expected = [f"{name}.{field}" for name in sorted(OBJECTS) for field in (KEY_FIELD, MARKER_FIELD)]
    assert texts(plain, "fieldPermissions/field") == expected
    assert set(texts(plain, "fieldPermissions/editable") + texts(plain, "fieldPermissions/readable")) == {"true"}
    assert texts(plain, "classAccesses/apexClass") == []
    assert "Clone" in texts(plain, "description")[0]
    coded = read(package(request(apex=apex())), "permissionsets/Twinledger.permissionset-meta.xml")
    assert texts(coded, "classAccesses/apexClass") == ["TwinledgerRest"]


def test_the_tests_of_the_class_need_the_fields_of_account() -> None:
    """Where Account is not mapped, it gets the fields and no message."""
    objects = {"Invoice__c": ("Name",)}
    long = {"Invoice__c": frozenset[str]()}
    files = package(Request(objects=objects, long=long, apex=apex()))
    assert f"{SOURCE}/objects/Account/fields/{KEY_FIELD}.field-meta.xml" in files
    assert f"{SOURCE}/workflows/Account.workflow-meta.xml" not in files
    assert not any("/Account/" in path for path in package(Request(objects=objects, long=long)))


def test_messages_carry_the_mapped_fields_and_the_fixed_ones() -> None:
    """Whichever way a field goes; no long text, no session id."""
    message = read(package(request(["Contact.Notes__c"])), "workflows/Contact.workflow-meta.xml")
    assert texts(message, "outboundMessages/fields") == [
        "AccountId",
        "CreatedDate",
        "Email",
        "Id",
        "LastModifiedById",
        "LastModifiedDate",
        "LastName",
        "MailingCity",
        "MailingStreet",
        "SystemModstamp",
        "Twinledger_Key__c",
        "Twinledger_Op__c",
    ]
    said = {child.tag.removeprefix(NAMESPACE): child.text for child in message[0]}
    assert said["fullName"] == said["name"] == "Twinledger_Contact"
    assert said["includeSessionId"] == "false"
    assert said["apiVersion"] == API_VERSION
    account = read(package(request()), "workflows/Account.workflow-meta.xml")
    assert "Description" not in texts(account, "outboundMessages/fields")
    assert "acme__Region__c" in texts(account, "outboundMessages/fields")


def test_each_flow_sends_its_message() -> None:
    """After every creation and every update of the object; the action exists under the name that it is called by."""
    files = package(request())
    for name in OBJECTS:
        sent = texts(read(files, f"workflows/{name}.workflow-meta.xml"), "outboundMessages/fullName")[0]
        flow = read(files, f"flows/{sent}.flow-meta.xml")
        assert texts(flow, "start/object") == [name]
        assert texts(flow, "start/recordTriggerType") == ["CreateAndUpdate"]
        assert texts(flow, "start/triggerType") == ["RecordAfterSave"]
        assert texts(flow, "start/connector/targetReference") == texts(flow, "actionCalls/name")
        assert texts(flow, "actionCalls/actionType") == ["outboundMessage"]
        assert texts(flow, "actionCalls/actionName") == [f"{name}.{sent}"]
        assert texts(flow, "status") == ["Active"]


def test_no_name_is_too_long() -> None:
    """80 characters, and no two underscores."""
    names = [PurePosixPath(path).name.partition(".")[0] for path in package(request()) if "/flows/" in path]
    assert len(LONG_NAME) == 60
    assert len(names) == len(OBJECTS)
    assert all(len(name) <= 80 and "__" not in name for name in names)


@EVERY
def test_elements_of_one_name_stand_together(deletions: Deletions) -> None:
    """The Metadata API refuses an element that comes a second time later on."""
    for path, text in package(told(deletions)).items():
        if path.endswith(".xml"):
            for node in fromstring(text).iter():
                runs = [tag for tag, _ in groupby(child.tag for child in node)]
                assert len(runs) == len(set(runs)), f"{path}: {node.tag}"


def test_the_manifest_names_every_component() -> None:
    """By type and full name."""
    root = fromstring(package(request(apex=apex()))["manifest/package.xml"])
    found = {texts(node, "name")[0]: texts(node, "members") for node in root.findall(f"{NAMESPACE}types")}
    assert found["ApexClass"] == ["TwinledgerRest", "TwinledgerRestTest"]
    assert found["CustomField"] == sorted(f"{name}.{field}" for name in OBJECTS for field in (KEY_FIELD, MARKER_FIELD))
    assert len(found["Flow"]) == len(found["WorkflowOutboundMessage"]) == len(OBJECTS)
    assert found["PermissionSet"] == ["Twinledger"]
    assert texts(root, "version") == [API_VERSION]


def test_what_is_not_given_is_filled_in_when_it_is_deployed() -> None:
    """`sf` takes it from the environment; the placeholders lead nowhere."""
    files = package(request())
    project = json.loads(files["sfdx-project.json"])
    assert project["packageDirectories"] == [{"path": "force-app", "default": True}]
    assert project["sourceApiVersion"] == API_VERSION
    assert project["replacements"] == [
        {"glob": "force-app/**/*.xml", "stringToReplace": one.text, "replaceWithEnv": one.variable}
        for one in (WEBHOOK_URL, INTEGRATION_USER)
    ]
    assert all(f"export {one.variable}=" in files["README.md"] for one in (WEBHOOK_URL, INTEGRATION_USER))
    assert files[".gitignore"] == ".sf/\n.sfdx/\n"


def test_a_token_is_not_committed_by_accident() -> None:
    """The folder leaves itself out of git, and says why."""
    files = package(request(webhook_url=samples.WEBHOOK_URL, integration_user="sync@example.com"))
    holding = sorted(path for path, text in files.items() if samples.WEBHOOK_URL in text)
    assert holding == [f"{SOURCE}/workflows/{name}.workflow-meta.xml" for name in sorted(OBJECTS)]
    assert files[".gitignore"].splitlines()[-1] == "*"
    assert "do not\ncommit" in files["README.md"]
    assert "replacements" not in json.loads(files["sfdx-project.json"])
    assert "export " not in files["README.md"]


def test_the_page_says_what_messages_leave_out() -> None:
    """By object and field; nothing of it where nothing is left out."""
    assert "- `Account.Description`\n- `Contact.Notes__c`\n" in package(request(["Contact.Notes__c"]))["README.md"]
    short = Request(objects={"Account": ("Name",)}, long={"Account": frozenset()})
    assert "leave out" not in package(short)["README.md"]


def test_an_object_that_cannot_have_the_fields() -> None:
    """Nothing is made."""
    with pytest.raises(ConfigurationError, match="Task"):
        package(Request(objects={"Task": ("Subject",)}, long={"Task": frozenset()}))
