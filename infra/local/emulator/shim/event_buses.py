"""Partner events: the simulated org puts them on a bus, as Salesforce's Event Relay does by a partner's rights."""

from ministack.services import eventbridge

_PARTNER = "aws.partner/"


def install():
    """Let PutEvents take sources of partners, which EventBridge takes by PutPartnerEvents only."""
    put = eventbridge._put_events

    def put_events(data, allow_aws_source=False):
        entries = data.get("Entries", [])
        partner = bool(entries) and all(str(entry.get("Source")).startswith(_PARTNER) for entry in entries)
        return put(data, allow_aws_source=allow_aws_source or partner)

    eventbridge._put_events = put_events
