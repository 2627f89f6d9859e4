"""What Salesforce calls: request in, hints into the queue, answer out.

Whoever calls has to know a secret; see :mod:`chalicelib.callers`. A request that is refused leaves nothing behind: all
of it is read before any of it is sent on, and nothing of one that is too large. An outbound message is acknowledged
once SQS has accepted all of it. No object passes for one that is not mapped before the installation was read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import msgspec

from chalicelib.aws.metrics import Metric
from chalicelib.aws.state import Installation
from chalicelib.callers import API_KEY, SIGNATURE, TIMESTAMP, Callers
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.model import Hint, SalesforceId
from chalicelib.core.ports import Hints
from chalicelib.jobs.bursts import Bursts
from chalicelib.jobs.telling import Telemetry
from chalicelib.salesforce import events, outbound_message
from chalicelib.salesforce.events import parse_events
from chalicelib.salesforce.malformed import MalformedMessage
from chalicelib.salesforce.outbound_message import OutboundMessage, ack, hint, parse


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets.

    Attributes:
        status: HTTP status.
        body: its text.
        content_type: of the body.
    """

    status: int
    body: str
    content_type: str = "application/json"


class Installed(Protocol):
    """What `manage.py install` agreed on."""

    def __call__(self, *, fresh: bool = False) -> Installation:
        """See :meth:`chalicelib.cloud.Cloud.installed`."""
        ...


class Webhooks:
    """The endpoints that Salesforce calls.

    Args:
        callers: tells who may call.
        installed: the mappings and the org, a minute old at most, or as they are now.
        hints: the queues.
        bursts: tells what is one of many.
        telemetry: counts and failures.
    """

    def __init__(
        self,
        *,
        callers: Callers,
        installed: Installed,
        hints: Hints,
        bursts: Bursts,
        telemetry: Telemetry,
    ) -> None:
        self._callers = callers
        self._installed = installed
        self._hints = hints
        self._bursts = bursts
        self._telemetry = telemetry

    def outbound_message(self, token: str, body: bytes) -> Answer:
        """An outbound message: 200 with Ack true once all of it is in the queue.

        413 for what is too large, 403 for a wrong token or another org, 400 for what is no outbound message, 503 with
        Ack false where it is to be sent again.
        """
        if len(body) > outbound_message.MOST_BYTES:
            return self._too_large(len(body), outbound_message.MOST_BYTES)
        try:
            if not self._callers.by_token(token):
                return self._refused("the token in the address is not known")
            message = parse(body)
            installed = self._covering({notification.object for notification in message.notifications})
            if message.organization_id != installed.organization_id:
                return self._refused(f"the message is of org {message.organization_id}, which is not the one installed")
            self._send(self._outbound_hints(message, installed))
        except MalformedMessage as error:
            return self._malformed(error)
        except TwinledgerError as error:
            self._telemetry.failure("an outbound message is to be sent again", error)
            self._telemetry.count(Metric.WEBHOOK_ERRORS)
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, ack(accepted=False), "text/xml")
        return Answer(HTTPStatus.OK, ack(accepted=True), "text/xml")

    def events(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Events of flows and Apex: 202 once all of them are in the queue.

        413 for what is too large, 403 for a wrong key or signature, 400 for what is malformed, 503 where they are to be
        sent again.

        Args:
            headers: of the request, by names in lower case.
            body: of the request.
        """
        if len(body) > events.MOST_BYTES:
            return self._too_large(len(body), events.MOST_BYTES)
        try:
            if not self._callers.by_headers(headers, body):
                return self._refused(f"neither {API_KEY} nor {SIGNATURE} with {TIMESTAMP} is a header that is good now")
            found = parse_events(body)
            objects = {told.identity.object for told in found if isinstance(told.identity, SalesforceId)}
            hints = self._mapped(found, self._covering(objects))
            self._send(hints)
        except MalformedMessage as error:
            return self._malformed(error)
        except TwinledgerError as error:
            self._telemetry.failure("events are to be sent again", error)
            self._telemetry.count(Metric.WEBHOOK_ERRORS)
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "not accepted: send the same events again later")
        accepted = {"accepted": len(hints), "not_mapped": len(found) - len(hints)}
        return Answer(HTTPStatus.ACCEPTED, msgspec.json.encode(accepted).decode())

    def authorized(self, api_key: str) -> bool:
        """Whether a caller knows an API key.

        Raises:
            TwinledgerError: the secret could not be read.
        """
        return self._callers.by_api_key(api_key)

    def _covering(self, objects: set[str]) -> Installation:
        """The installation; where it does not map one of these objects, as it is now."""
        installed = self._installed()
        return installed if objects <= installed.mappings.by_object.keys() else self._installed(fresh=True)

    def _outbound_hints(self, message: OutboundMessage, installed: Installation) -> list[Hint]:
        hints = []
        for notification in message.notifications:
            mapping = installed.mappings.by_object.get(notification.object)
            if mapping is None:
                self._telemetry.count(Metric.NOT_MAPPED)
                continue
            told = hint(notification, mapping, installed.user_id)
            if told is None:
                self._telemetry.count(Metric.NAMELESS)  # deleted before delivery: the sweep finds the deletion
            else:
                hints.append(told)
        return hints

    def _mapped(self, hints: Iterable[Hint], installed: Installation) -> list[Hint]:
        mapped = []
        for told in hints:
            if installed.mappings.of(told.identity) is not None:
                mapped.append(told)
            else:
                self._telemetry.count(Metric.NOT_MAPPED)
        return mapped

    def _send(self, hints: Sequence[Hint]) -> None:
        self._hints.send(self._bursts.sort(hints))
        self._telemetry.count(Metric.RECEIVED, len(hints))

    def _too_large(self, size: int, most: int) -> Answer:
        self._telemetry.count(Metric.MALFORMED)
        return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has {size} bytes: send {most} at most")

    def _refused(self, reason: str) -> Answer:
        self._telemetry.count(Metric.REFUSED)
        return _problem(HTTPStatus.FORBIDDEN, reason)

    def _malformed(self, error: MalformedMessage) -> Answer:
        self._telemetry.count(Metric.MALFORMED)
        return _problem(HTTPStatus.BAD_REQUEST, str(error))


def _problem(status: HTTPStatus, reason: str) -> Answer:
    return Answer(status, msgspec.json.encode({"error": reason}).decode())
