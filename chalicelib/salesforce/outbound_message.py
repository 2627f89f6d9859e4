"""Outbound messages: Salesforce's SOAP notifications (SOAP API Developer Guide, "Understanding Outbound Messaging").

They are XML from the internet: no DTD, no entity of one's own, nothing external. Null fields are left out by
Salesforce, and so is everything of a record that was deleted before delivery; what a message leaves out says nothing
here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden
from defusedxml.ElementTree import DefusedXMLParser

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Change, Hint, Record, SalesforceId, Value
from chalicelib.core.values import from_salesforce_xml, id18
from chalicelib.salesforce.malformed import LONGEST, MalformedMessage
from chalicelib.salesforce.soql import KEY_FIELD, MARKER_FIELD
from chalicelib.salesforce.stamps import seconds

MOST_NOTIFICATIONS = 100
MOST_BYTES = 5 * 1024 * 1024  # with the envelope and JSON's escapes it fits in the 6 MB of a Lambda request
MOST_ELEMENTS = 100_000  # 100 notifications of objects with the 900 fields that an object may have at most
MOST_LEVELS = 20  # a field of a notification is at the sixth

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>{}</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>\n"
)


@dataclass(frozen=True, slots=True)
class Notification:
    """One record that changed.

    Attributes:
        id: Notification/Id, the same when the notification comes again.
        object: API name.
        record_id: 18 characters; None where the record was deleted before delivery and nothing of it was sent.
        fields: the texts that were sent, by API name; None for ``xsi:nil``.
    """

    id: str
    object: str
    record_id: str | None
    fields: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One delivery: all of it is acknowledged, or none.

    Attributes:
        organization_id: 18 characters.
        action_id: the outbound message's definition.
        notifications: 1 to 100.
    """

    organization_id: str
    action_id: str
    notifications: tuple[Notification, ...]


def ack(*, accepted: bool) -> str:
    """The answer's body: true ends the delivery, false has the whole message sent again."""
    return _ACK.format("true" if accepted else "false")


def parse(body: bytes) -> OutboundMessage:
    """Read a delivery.

    Args:
        body: of at most ``MOST_BYTES``, which the caller has seen to.

    Raises:
        MalformedMessage: it is no outbound message; nothing of it may be used.
    """
    root = _xml(body)
    if root.tag != f"{_SOAP}Envelope":
        raise MalformedMessage(f"the root is {_shown(root.tag)}, not a SOAP 1.1 Envelope")
    outer = _child(root, f"{_SOAP}Body", "Envelope")
    message = _child(outer, f"{_OUTBOUND}notifications", "Envelope/Body")
    path = "Envelope/Body/notifications"
    found = message.findall(f"{_OUTBOUND}Notification")
    if not 1 <= len(found) <= MOST_NOTIFICATIONS:
        raise MalformedMessage(f"{path} has {len(found)} Notification elements, not 1 to {MOST_NOTIFICATIONS}")
    return OutboundMessage(
        organization_id=_id(_text(message, "OrganizationId", path), f"{path}/OrganizationId"),
        action_id=_text(message, "ActionId", path),
        notifications=tuple(_notification(item, f"{path}/Notification[{at}]") for at, item in enumerate(found, 1)),
    )


def hint(notification: Notification, mapping: ObjectMapping, user_id: str | None) -> Hint | None:
    """What the settle step is told; None where the notification does not say which record it is about.

    The hint's record holds the mapped fields that were sent. It is None where the message says too little to stand
    for a read: without LastModifiedDate, or of a record that is gone.

    Args:
        notification: one of a message.
        mapping: of its object.
        user_id: the integration user, where known.
    """
    if notification.record_id is None:
        return None
    record = _record(notification, notification.record_id, mapping, user_id)
    return Hint(
        identity=SalesforceId(mapping.object, notification.record_id),
        change=_change(notification.fields),
        hint_id=notification.id,
        occurred_at=None if record is None else float(record.modified_at),
        actor=None if record is None else record.modified_by,
        record=record,
        sfid=notification.record_id,
    )


class _Bounded(TreeBuilder):
    """Builds a tree of so many elements and levels at most: a small body can hold a million elements."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = 0
        self._level = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """An element begins."""
        self._elements += 1
        self._level += 1
        if self._elements > MOST_ELEMENTS:
            raise MalformedMessage(f"the XML has more than {MOST_ELEMENTS} elements")
        if self._level > MOST_LEVELS:
            raise MalformedMessage(f"the XML has more than {MOST_LEVELS} levels of elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        """An element ends."""
        self._level -= 1
        return super().end(tag)


def _xml(body: bytes) -> Element:
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden) as error:
        raise MalformedMessage("the XML declares a document type or an entity; outbound messages never do") from error
    except ParseError as error:
        line, column = error.position
        raise MalformedMessage(f"the body is no well-formed XML: line {line}, column {column + 1}") from error
    except (ValueError, LookupError) as error:  # an encoding that is unknown, or that expat cannot use
        raise MalformedMessage("the body is no XML in an encoding that can be read") from error
    return root


def _notification(item: Element, path: str) -> Notification:
    record = _child(item, f"{_OUTBOUND}sObject", path)
    kind = record.get(f"{_XSI}type", "")
    name = kind.rpartition(":")[2]
    if not name:
        raise MalformedMessage(f"{path}/sObject has no xsi:type that names the object")
    fields: dict[str, str | None] = {}
    for child in record:
        if len(child) == 0:
            nil = child.get(f"{_XSI}nil") in ("true", "1")
            fields.setdefault(child.tag.rpartition("}")[2], None if nil else child.text or None)
    record_id = fields.pop("Id", None)
    return Notification(
        id=_text(item, "Id", path),
        object=name,
        record_id=_id(record_id, f"{path}/sObject/Id") if record_id else None,
        fields=fields,
    )


def _child(parent: Element, tag: str, path: str) -> Element:
    found = parent.find(tag)
    if found is None:
        raise MalformedMessage(f"{path} has no {_shown(tag)}")
    return found


def _text(parent: Element, name: str, path: str) -> str:
    text = (_child(parent, f"{_OUTBOUND}{name}", path).text or "").strip()
    if not 0 < len(text) <= LONGEST:
        raise MalformedMessage(f"{path}/{name} has {len(text)} characters, not 1 to {LONGEST}")
    return text


def _id(text: str, path: str) -> str:
    try:
        return id18(text)
    except Rejected as error:
        raise MalformedMessage(f"{path}: {error}") from error


def _shown(tag: str) -> str:
    """A tag's local name, cut short: it is the sender's text."""
    return tag.rpartition("}")[2][:40]


def _change(fields: Mapping[str, str | None]) -> Change:
    """A message has no event type; a record that was never modified has just been created."""
    created = fields.get("CreatedDate")
    return Change.CREATED if created is not None and created == fields.get("LastModifiedDate") else Change.UPDATED


def _record(notification: Notification, record_id: str, mapping: ObjectMapping, user_id: str | None) -> Record | None:
    fields = notification.fields
    try:
        modified_at = seconds(fields.get("LastModifiedDate") or "")
    except ValueError:
        return None
    modified_by = _user(fields)
    return Record(
        id=record_id,
        key=fields.get(KEY_FIELD),
        deleted=False,
        values=dict(_values(fields, mapping)),
        marker=fields.get(MARKER_FIELD),
        modified_at=modified_at,
        modified_by=modified_by,
        ours=modified_by is not None and modified_by == user_id,
        second_open=True,  # nobody has asked Salesforce's clock
    )


def _user(fields: Mapping[str, str | None]) -> str | None:
    try:
        return id18(fields.get("LastModifiedById") or "")
    except Rejected:
        return None


def _values(fields: Mapping[str, str | None], mapping: ObjectMapping) -> Iterator[tuple[str, Value]]:
    """The mapped fields in canonical form; one that has none is left out, and the record is then read."""
    for name in mapping.names:
        if name in fields:
            try:
                yield name, from_salesforce_xml(mapping.by_name[name], fields[name])
            except Rejected:
                continue
