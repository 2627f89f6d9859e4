"""Change events that come through EventBridge: hints into the queue."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalicelib.aws.metrics import Metric
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Change, SalesforceId
from chalicelib.core.ports import Hints
from chalicelib.jobs.bursts import Bursts
from chalicelib.jobs.telling import Telemetry
from chalicelib.salesforce.malformed import MalformedMessage
from chalicelib.salesforce.relay import parse_relayed

GONE = frozenset({Change.DELETED, Change.UNDELETED})  # of these no outbound message tells


class ChangeEvents:
    """Takes events of Salesforce's Event Relay.

    Args:
        mappings: what is kept the same, as it was known a minute ago perhaps.
        renewed: the same as it is now; asked before anything passes for not mapped.
        organization_id: 18 characters; events of other orgs are left alone.
        hints: the queues.
        bursts: tells what is one of many.
        only_existence: whether outbound messages tell of creations and updates, so that only deletions, undeletions
            and what went past the application are taken: an event says no value, so each costs a read.
        resync: sweeps objects of which an unknown number of records changed.
        telemetry: counts and failures.
    """

    def __init__(
        self,
        *,
        mappings: Mappings,
        renewed: Callable[[], Mappings],
        organization_id: str,
        hints: Hints,
        bursts: Bursts,
        only_existence: bool,
        resync: Callable[[Iterable[str]], None],
        telemetry: Telemetry,
    ) -> None:
        self._mappings = mappings
        self._renewed = renewed
        self._organization_id = organization_id
        self._hints = hints
        self._bursts = bursts
        self._only_existence = only_existence
        self._resync = resync
        self._telemetry = telemetry

    def take(self, event: Mapping[str, Any]) -> None:
        """Take one event. One that cannot be read is told of and let go: it would not be better the next time.

        Raises:
            TwinledgerError: not everything was accepted; EventBridge brings the event again.
        """
        try:
            relayed = parse_relayed(event)
        except MalformedMessage as error:
            self._telemetry.failure("an event that cannot be read", error, event=str(event.get("id", "")))
            self._telemetry.count(Metric.MALFORMED)
            return
        if relayed.organization_id != self._organization_id:
            self._telemetry.info("an event of another org", organization=relayed.organization_id)
            self._telemetry.count(Metric.REFUSED)
            return
        mappings = self._mappings
        objects = {hint.identity.object for hint in relayed.hints if isinstance(hint.identity, SalesforceId)}
        if not {*objects, *relayed.resync} <= mappings.by_object.keys():
            mappings = self._renewed()
        mapped = [hint for hint in relayed.hints if mappings.of(hint.identity) is not None]
        hints = mapped if relayed.gap or not self._only_existence else [hint for hint in mapped if hint.change in GONE]
        self._hints.send(self._bursts.sort(hints, relayed.transaction))
        self._telemetry.count(Metric.RECEIVED, len(hints))
        self._telemetry.count(Metric.NOT_MAPPED, len(relayed.hints) - len(mapped))
        overflown = [name for name in relayed.resync if name in mappings.by_object]
        if overflown:
            self._resync(overflown)
