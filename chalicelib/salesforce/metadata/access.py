"""The two fields of the sync, and the permission set that lets the integration user, and nobody else, write them."""

from collections.abc import Iterator

from chalicelib.core.declared import KEY_FIELD, MARKER_FIELD
from chalicelib.salesforce.metadata.contents import SOURCE, File, Request
from chalicelib.salesforce.metadata.deletions import CREDENTIAL
from chalicelib.salesforce.metadata.document import Node, document

PERMISSION_SET = "Twinledger"

_NO_CLONE = "Clone copies what its user may edit, and a copy of this field is another record's identity."
_KEY = (
    ("caseSensitive", False),  # keys are UUIDs, and their case says nothing
    (
        "description",
        f"The record's key in Twinledger, which writes it. Only the integration user may edit it: {_NO_CLONE}",
    ),
    ("externalId", True),
    ("label", "Twinledger Key"),
    ("length", 36),
    ("required", False),
    ("type", "Text"),
    ("unique", True),
)
_MARKER = (
    (
        "description",
        f"The last operation of Twinledger on this record. Only the integration user may edit it: {_NO_CLONE}",
    ),
    ("externalId", False),
    ("label", "Twinledger Operation"),
    ("length", 36),
    ("required", False),
    ("type", "Text"),
    ("unique", False),
)

_READS_CREDENTIAL = (
    ("allowCreate", False),
    ("allowDelete", False),
    ("allowEdit", False),
    ("allowRead", True),
    ("modifyAllRecords", False),
    ("object", "UserExternalCredential"),  # where the principal's key is kept
    ("viewAllRecords", False),
)


def fields(request: Request) -> Iterator[File]:
    """The fields of every object; the objects themselves are in the org already."""
    for name in request.marked:
        for field, nodes in ((KEY_FIELD, _KEY), (MARKER_FIELD, _MARKER)):
            content: list[Node] = [("fullName", field), *nodes]
            path = f"{SOURCE}/objects/{name}/fields/{field}.field-meta.xml"
            yield File(path, document("CustomField", content), "CustomField", f"{name}.{field}")


def permission_set(request: Request) -> File:
    """The permission set. It grants the two fields, the Apex class and the credential, where they are deployed."""
    classes = sorted(
        path.rpartition("/")[2].removesuffix(".cls")
        for path in request.apex
        if path.endswith(".cls") and not path.endswith("Test.cls")
    )
    nodes: list[Node] = [("classAccesses", [("apexClass", name), ("enabled", True)]) for name in classes]
    nodes.append(
        (
            "description",
            "What Twinledger needs beside access to the mapped objects and fields. "
            "Assign it to the integration user only: whoever may edit its fields copies them with Clone.",
        )
    )
    if request.telling:
        principal = f"{CREDENTIAL}-{CREDENTIAL}"
        nodes.append(
            ("externalCredentialPrincipalAccesses", [("enabled", True), ("externalCredentialPrincipal", principal)])
        )
    nodes.extend(
        ("fieldPermissions", [("editable", True), ("field", f"{name}.{field}"), ("readable", True)])
        for name in request.marked
        for field in (KEY_FIELD, MARKER_FIELD)
    )
    nodes.extend([("hasActivationRequired", False), ("label", PERMISSION_SET)])
    if request.telling:
        nodes.append(("objectPermissions", _READS_CREDENTIAL))
    path = f"{SOURCE}/permissionsets/{PERMISSION_SET}.permissionset-meta.xml"
    return File(path, document("PermissionSet", nodes), "PermissionSet", PERMISSION_SET)
