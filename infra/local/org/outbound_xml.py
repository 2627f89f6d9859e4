"""The SOAP envelope of an outbound message, and the acknowledgement that it asks for.

Source: SOAP API Developer Guide, "Understanding Outbound Messaging".
"""

from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from infra.local.org.store import Row

OUTBOUND_NAMESPACE = "http://soap.sforce.com/2005/09/outbound"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
    " <soapenv:Body>\n"
)
_TAIL = " </soapenv:Body>\n</soapenv:Envelope>\n"


def envelope(
    org_id: str, action_id: str, object_name: str, fields: Iterable[str], notifications: Iterable[tuple[str, Row]]
) -> bytes:
    """Build one message; each notification is its own id and the record's row, of which nulls are left out."""
    listed = ["Id", *sorted(set(fields) - {"Id"})]
    base = "https://yourInstance.salesforce.com/services/Soap"
    parts = [
        _HEAD,
        f'  <notifications xmlns="{OUTBOUND_NAMESPACE}">\n'
        f"   <OrganizationId>{org_id}</OrganizationId>\n"
        f"   <ActionId>{action_id}</ActionId>\n"
        '   <SessionId xsi:nil="true"/>\n'
        f"   <EnterpriseUrl>{base}/c/66.0/{org_id[:15]}</EnterpriseUrl>\n"
        f"   <PartnerUrl>{base}/u/66.0/{org_id[:15]}</PartnerUrl>\n",
    ]
    for notification_id, row in notifications:
        parts.append(
            f"   <Notification>\n    <Id>{notification_id}</Id>\n"
            f'    <sObject xsi:type="sf:{object_name}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">\n'
        )
        parts.extend(
            f"     <sf:{name}>{escape(_text(row[name]))}</sf:{name}>\n" for name in listed if row.get(name) is not None
        )
        parts.append("    </sObject>\n   </Notification>\n")
    parts.extend(["  </notifications>\n", _TAIL])
    return "".join(parts).encode()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text.removesuffix("+0000") + "Z" if text.endswith(".000+0000") else text


def acknowledged(status: int, body: bytes) -> bool:
    """Whether an answer acknowledges the message: HTTP 200 and ``Ack`` true in a well-formed body."""
    if status != 200:
        return False
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError):
        return False
    ack = root.find(f".//{{{OUTBOUND_NAMESPACE}}}Ack")
    return ack is not None and (ack.text or "").strip() in {"true", "1"}
