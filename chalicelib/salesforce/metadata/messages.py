"""Outbound messages, and the record-triggered flows that send them.

Sources: Metadata API Developer Guide, "Workflow" (WorkflowOutboundMessage) and "Flow"; SOAP API Developer Guide,
"Understanding Outbound Messaging".
"""

from collections.abc import Iterator

from chalicelib.core.declared import KEY_FIELD, MARKER_FIELD
from chalicelib.salesforce.client import API_VERSION
from chalicelib.salesforce.metadata.contents import SOURCE, File, Request
from chalicelib.salesforce.metadata.document import Node, document
from chalicelib.salesforce.metadata.names import component_names

# what the sync knows a change by, whatever is mapped
FIXED_FIELDS = ("Id", "CreatedDate", "LastModifiedDate", "LastModifiedById", "SystemModstamp", KEY_FIELD, MARKER_FIELD)

_PREFIX = "Twinledger_"


def message_fields(request: Request, name: str) -> tuple[str, ...]:
    """The fields of an object's outbound message, sorted as Salesforce gives them back."""
    return tuple(sorted({*FIXED_FIELDS, *request.carried(name)}))


def outbound_messages(request: Request) -> Iterator[File]:
    """An outbound message for each object."""
    for name, message in component_names(request.objects, _PREFIX).items():
        nodes: list[Node] = [
            ("fullName", message),
            ("apiVersion", API_VERSION),
            (
                "description",
                f"Tells Twinledger of a new or changed record of {name}. The flow {message} sends it.",
            ),
            ("endpointUrl", request.sent_to),
            *(("fields", field) for field in message_fields(request, name)),
            ("includeSessionId", False),
            ("integrationUser", request.run_by),
            ("name", message),
            ("protected", False),
            ("useDeadLetterQueue", False),
        ]
        text = document("Workflow", [("outboundMessages", nodes)])
        path = f"{SOURCE}/workflows/{name}.workflow-meta.xml"
        yield File(path, text, "WorkflowOutboundMessage", f"{name}.{message}")


def flows(request: Request) -> Iterator[File]:
    """A flow for each object: after every creation and update it sends the object's outbound message."""
    for name, message in component_names(request.objects, _PREFIX).items():
        action: list[Node] = [
            ("name", "Tell_Twinledger"),
            ("label", "Tell Twinledger"),
            ("locationX", 176),
            ("locationY", 323),
            ("actionName", f"{name}.{message}"),
            ("actionType", "outboundMessage"),
            ("flowTransactionModel", "CurrentTransaction"),
            ("nameSegment", f"{name}.{message}"),
        ]
        start: list[Node] = [
            ("locationX", 50),
            ("locationY", 0),
            ("connector", [("targetReference", "Tell_Twinledger")]),
            ("object", name),
            ("recordTriggerType", "CreateAndUpdate"),
            ("triggerType", "RecordAfterSave"),
        ]
        nodes: list[Node] = [
            ("actionCalls", action),
            ("apiVersion", API_VERSION),
            (
                "description",
                f"Sends the outbound message {message} after a record of {name} was created or changed.",
            ),
            ("environments", "Default"),
            ("interviewLabel", f"{message} {{!$Flow.CurrentDateTime}}"),
            ("label", message),
            ("processMetadataValues", [("name", "BuilderType"), ("value", [("stringValue", "LightningFlowBuilder")])]),
            ("processMetadataValues", [("name", "CanvasMode"), ("value", [("stringValue", "AUTO_LAYOUT_CANVAS")])]),
            ("processType", "AutoLaunchedFlow"),
            ("start", start),
            ("status", "Active"),
        ]
        yield File(f"{SOURCE}/flows/{message}.flow-meta.xml", document("Flow", nodes), "Flow", message)
