"""Outbound messages: their XML, the acknowledgement, retries, and what faults do to them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from tests.integration.org.support import OrgClient, eventually

NS = {"o": "http://soap.sforce.com/2005/09/outbound", "sf": "urn:sobject.enterprise.soap.sforce.com"}
ACK = (
    b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    b'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)


class Listener:
    """A webhook that keeps what it got; ``answers`` are used up first, then it acknowledges."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.answers: list[tuple[int, bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                listener.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = listener.answers.pop(0) if listener.answers else (200, ACK)
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def notifications(self) -> list[Element]:
        """All notifications so far, in the order of their arrival."""
        return [n for body in list(self.bodies) for n in fromstring(body).iterfind(".//o:Notification", NS)]


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A webhook on a free port."""
    found = Listener()
    yield found
    found.close()


@pytest.fixture
def wired(org: OrgClient, listener: Listener) -> OrgClient:
    """An org that tells the listener about contacts, and tries again quickly."""
    org.control("settings", {"outboundRetrySeconds": 0.02})
    fields = ["LastName", "Phone", "CreatedDate", "LastModifiedDate", "DoNotCall", "AccountId", "Birthdate"]
    org.control("outbound-messages", {"object": "Contact", "url": listener.url, "fields": fields})
    return org


def _create(org: OrgClient, **values: Any) -> str:
    created: str = org.call("POST", "sobjects/Contact", {"LastName": "x"} | values).json()["id"]
    return created


def _first(listener: Listener) -> Element:
    found: Element = eventually(listener.notifications)[0]
    return found


def test_the_message_has_salesforces_form(wired: OrgClient, listener: Listener) -> None:
    """Ids of 18 characters, nil session, Id first and the fields by name, nulls left out."""
    record = _create(wired, LastName="A & <B>", Birthdate="1990-05-01")
    root = fromstring(eventually(lambda: listener.bodies)[0])
    notifications = root.find(".//o:notifications", NS)
    assert notifications is not None
    assert [child.tag.split("}")[1] for child in notifications] == [
        "OrganizationId", "ActionId", "SessionId", "EnterpriseUrl", "PartnerUrl", "Notification"]  # fmt: skip
    assert notifications.findtext("o:OrganizationId", None, NS) == "00Dxx0000001gPFEAY"
    assert (notifications.findtext("o:EnterpriseUrl", "", NS)).endswith("/00Dxx0000001gPF")
    session = notifications.find("o:SessionId", NS)
    assert session is not None
    assert session.attrib == {"{http://www.w3.org/2001/XMLSchema-instance}nil": "true"}
    sobject = notifications.find(".//o:sObject", NS)
    assert sobject is not None
    assert sobject.attrib == {"{http://www.w3.org/2001/XMLSchema-instance}type": "sf:Contact"}
    values = {child.tag.split("}")[1]: child.text or "" for child in sobject}
    assert list(values) == ["Id", "Birthdate", "CreatedDate", "DoNotCall", "LastModifiedDate", "LastName"]
    assert (values["Id"], values["LastName"], values["DoNotCall"]) == (record, "A & <B>", "false")
    assert (values["Birthdate"], values["CreatedDate"][-5:]) == ("1990-05-01", ".000Z")
    assert b'xmlns:sf="urn:sobject.enterprise.soap.sforce.com"' in listener.bodies[0]


@pytest.mark.parametrize(
    "answer",
    [
        (500, ACK),
        (204, b""),
        (202, ACK),
        (200, ACK.replace(b"true", b"false")),
        (200, b"no XML"),
        (200, b"<fault/>"),
    ],
)
def test_a_message_without_acknowledgement_comes_again(
    wired: OrgClient, listener: Listener, answer: tuple[int, bytes]
) -> None:
    """The same notification id, until the answer is 200 with Ack true."""
    listener.answers = [answer, answer]
    _create(wired)
    eventually(lambda: len(listener.bodies) == 3)
    eventually(lambda: wired.stats()["outbound"].get("delivered") == 1)
    assert len({n.findtext("o:Id", None, NS) for n in listener.notifications()}) == 1
    assert wired.stats()["outbound"]["retries"] == 2


def test_a_message_carries_the_state_at_send_time(wired: OrgClient, listener: Listener) -> None:
    """A repeated message shows what happened in between."""
    wired.control("settings", {"outboundRetrySeconds": 0.4})
    listener.answers = [(500, b"")]
    record = _create(wired, Phone="1")
    eventually(lambda: listener.bodies)
    wired.call("PATCH", f"sobjects/Contact/{record}", {"Phone": "2"})
    found = eventually(lambda: listener.notifications()[2:])
    phones = [n.findtext(".//sf:Phone", None, NS) for n in [*listener.notifications()[:2], *found]]
    assert phones == ["1", "2", "2"]


def test_a_record_deleted_before_delivery_arrives_without_fields(wired: OrgClient, listener: Listener) -> None:
    """Nothing tells what the record was; and a delete itself sends nothing."""
    wired.control("faults", {"operation": "outbound", "latencyMs": 300})
    wired.call("DELETE", f"sobjects/Contact/{_create(wired)}")
    sobject = _first(listener).find("o:sObject", NS)
    assert sobject is not None
    assert list(sobject) == []
    assert wired.stats()["outbound"]["queued"] == 1


def test_a_message_dropped_after_its_lifetime_is_counted(wired: OrgClient, listener: Listener) -> None:
    """24 hours by default."""
    wired.control("settings", {"outboundLifetimeSeconds": 0.01})
    listener.answers = [(500, b"")] * 3
    _create(wired)
    assert eventually(lambda: wired.stats()["outbound"].get("expired")) == 1
    assert len(listener.bodies) == 1


def test_many_records_of_one_save_share_messages_of_at_most_100(wired: OrgClient, listener: Listener) -> None:
    """150 records: two POSTs."""
    records = [{"attributes": {"type": "Contact"}, "LastName": str(n)} for n in range(150)]
    wired.call("POST", "composite/sobjects", {"records": records})
    eventually(lambda: len(listener.notifications()) == 150)
    sizes = sorted(len(fromstring(body).findall(".//o:Notification", NS)) for body in listener.bodies)
    assert sizes == [50, 100]


def test_a_late_message_is_overtaken(wired: OrgClient, listener: Listener) -> None:
    """Messages come out of order."""
    wired.control("faults", {"operation": "outbound", "latencyMs": 300})
    late, early = _create(wired), _create(wired)
    found = eventually(lambda: listener.notifications()[1:] and listener.notifications())
    assert [n.findtext(".//sf:Id", None, NS) for n in found] == [early, late]


@pytest.mark.parametrize(
    ("fault", "posts", "delivered"),
    [({"duplicate": True}, 2, 1), ({"lostAnswer": True}, 2, 1), ({"errorCode": "SERVER_UNAVAILABLE"}, 1, 1)],
)
def test_faults_of_delivery(
    wired: OrgClient, listener: Listener, fault: dict[str, Any], posts: int, delivered: int
) -> None:
    """A duplicate, a lost acknowledgement, a try that does not leave."""
    wired.control("faults", {"operation": "outbound"} | fault)
    _create(wired)
    eventually(lambda: wired.stats()["outbound"].get("delivered") == delivered)
    assert len(listener.bodies) == posts


def test_a_dropped_message_never_comes(wired: OrgClient, listener: Listener) -> None:
    """Only a sweep finds such a change."""
    wired.control("faults", {"operation": "outbound", "drop": True})
    _create(wired, LastName="lost")
    eventually(lambda: wired.stats()["outbound"].get("dropped by fault"))
    _create(wired, LastName="told")
    assert _first(listener).findtext(".//sf:LastName", None, NS) == "told"


def test_an_address_that_is_not_there_is_tried_again(wired: OrgClient, listener: Listener) -> None:
    """Until it is there: then the message comes, with the state of then."""
    wired.control("outbound-messages", {"object": "Contact", "url": "http://127.0.0.1:9/", "fields": ["LastName"]})
    _create(wired, LastName="a")
    eventually(lambda: wired.stats()["outbound"].get("unreachable", 0) > 1)
    assert listener.bodies == []
    assert wired.control("outbound-messages", method="GET")[0]["url"] == "http://127.0.0.1:9/"
    wired.control("outbound-messages", method="DELETE")
    assert wired.control("outbound-messages", method="GET") == []
