"""Change events that the function did not take: what Lambda and EventBridge give up comes to a queue of its own.

Two shapes lie in it: Lambda's record of an invocation that failed (Lambda developer guide, "Capturing records of Lambda
asynchronous invocations"), with the event in ``requestPayload``; and the event itself, where EventBridge could not
invoke the function at all (EventBridge user guide, "Using dead-letter queues").
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chalicelib.core.errors import ProtocolError
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Hint
from chalicelib.jobs.settling import Reads
from chalicelib.salesforce.relay import parse_relayed


class GivenUp:
    """Reads what was given up, be it a message of ours or a change event.

    Args:
        mappings: what is kept the same; of other records nothing is told.
        organization_id: 18 characters; nor of other orgs.
        read: how a message of ours becomes hints.
    """

    def __init__(self, mappings: Mappings, organization_id: str, read: Reads) -> None:
        self._mappings = mappings
        self._organization_id = organization_id
        self._read = read

    def __call__(self, body: str) -> Sequence[Hint]:
        """The hints of a message.

        Raises:
            TwinledgerError: it cannot be read, or says only that some records of an object changed.
        """
        event = _event(body)
        if event is None:
            return self._read(body)
        relayed = parse_relayed(event)
        if relayed.organization_id != self._organization_id:
            return []
        if overflown := [name for name in relayed.resync if name in self._mappings.by_object]:
            raise ProtocolError(f"an unknown number of records of {', '.join(overflown)} changed: compare all of them")
        return [hint for hint in relayed.hints if self._mappings.of(hint.identity) is not None]


def _event(body: str) -> Mapping[str, Any] | None:
    """The change event of a message; None where it is none."""
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    event = content.get("requestPayload", content) if isinstance(content, dict) else None
    return event if isinstance(event, dict) and "detail" in event else None
