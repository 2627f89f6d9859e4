"""What the flood sends, and how it is to be answered."""

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

XML = {"Content-Type": "text/xml; charset=UTF-8"}
OTHER_ORG = "00D000000000002EAA"
SOME_RECORD = "003000000000001AAA"
MOST = 100
TOO_LARGE = 5 * 1024 * 1024 + 1

_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
    '<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>{org}</OrganizationId>'
    "<ActionId>04k000000000001AAA</ActionId><SessionId xsi:nil='true'/>{notifications}</notifications>"
    "</soapenv:Body></soapenv:Envelope>"
)
_NOTIFICATION = (
    '<Notification><Id>{id}</Id><sObject xsi:type="sf:Contact" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
    "<sf:Id>{sfid}</sf:Id><sf:Department>{filler}</sf:Department></sObject></Notification>"
)
_FILLER = "flood " * 60  # a notification with a dozen fields is about as long
_BOMB = '<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]>'


@dataclass(frozen=True)
class Message:
    """One request.

    Attributes:
        kind: what it is, for the figures.
        token: in the address.
        body: as it is sent.
        status: of the answer that is right.
        notifications: that a right answer acknowledges.
        headers: of the request.
    """

    kind: str
    token: str = field(repr=False)
    body: bytes = field(repr=False)
    status: int = 200
    notifications: int = 0
    headers: Mapping[str, str] = field(default_factory=lambda: XML)


def envelope(org: str, sfids: Sequence[str]) -> str:
    """An outbound message about these records, none of which any queue has seen: each has an id of its own."""
    items = "".join(_NOTIFICATION.format(id=uuid.uuid4().hex[:18], sfid=sfid, filler=_FILLER) for sfid in sfids)
    return _ENVELOPE.format(org=org, notifications=items)


def good(token: str, org: str, sfids: Sequence[str]) -> Message:
    """What Salesforce sends."""
    kind = "1 notification" if len(sfids) == 1 else f"{len(sfids)} notifications"
    return Message(kind, token, envelope(org, sfids).encode(), notifications=len(sfids))


def hostile(draw: random.Random, token: str, org: str, sfids: Sequence[str]) -> Message:
    """What is to be refused whole, and nearly always has good notifications in it; one in fifty is too large."""
    several = [draw.choice(sfids) for _ in range(draw.randint(1, MOST - 1))]
    text = envelope(org, several)
    wrong = token[:-1] + ("x" if token[-1] != "x" else "y")
    if draw.random() < 0.02:
        return _refused(413, token, text + " " * TOO_LARGE)
    return draw.choice(
        [
            _refused(403, wrong, text),
            _refused(403, "guess", text),
            _refused(403, token, envelope(OTHER_ORG, several)),
            _refused(400, token, text[: draw.randint(1, len(text) - 1)]),
            _refused(400, token, _BOMB + text.partition("?>")[2]),
            _refused(400, token, text.replace("</notifications>", "<Notification/></notifications>")),
            _refused(400, token, envelope(org, [draw.choice(sfids)] * (MOST + 1))),
            _refused(400, token, text.replace("2005/09/outbound", "2005/09/inbound")),
            _refused(400, token, "<a>" * 20_000),
            _refused(400, token, "\0" + text),
            _refused(415, token, text, {"Content-Type": "application/json"}),
        ]
    )


def _refused(status: int, token: str, text: str, headers: Mapping[str, str] = XML) -> Message:
    return Message("refused", token, text.encode(), status, headers=headers)
