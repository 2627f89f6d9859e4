"""What tells of deletions without code: Change Data Capture, and the Event Relay that brings its events to AWS.

Sources: Metadata API Developer Guide, "PlatformEventChannel", "PlatformEventChannelMember", "EventRelayConfig";
Salesforce Help, "Create a Named Credential" and "Create an Event Relay" of Event Relay.
"""

from collections.abc import Iterator

from chalicelib.salesforce.metadata.contents import AWS_ACCOUNT, SOURCE, Deletions, File, Request
from chalicelib.salesforce.metadata.document import Node, document
from chalicelib.salesforce.metadata.names import component_names

_CHANNEL = "Twinledger__chn"
_CREDENTIAL = "TwinledgerAws"
_RELAY = "Twinledger"


def relay(request: Request) -> Iterator[File]:
    """All of it; nothing where deletions are told of in another way."""
    if request.deletions is not Deletions.RELAY:
        return
    channel: list[Node] = [("channelType", "data"), ("label", "Twinledger")]
    path = f"{SOURCE}/platformEventChannels/{_CHANNEL}.platformEventChannel-meta.xml"
    yield File(path, document("PlatformEventChannel", channel), "PlatformEventChannel", _CHANNEL)
    events = [_change_event(name) for name in request.objects]
    for event, member in component_names(events, "Twinledger_chn_").items():
        nodes: list[Node] = [("eventChannel", _CHANNEL), ("selectedEntity", event)]
        text = document("PlatformEventChannelMember", nodes)
        path = f"{SOURCE}/platformEventChannelMembers/{member}.platformEventChannelMember-meta.xml"
        yield File(path, text, "PlatformEventChannelMember", member)
    named: list[Node] = [
        ("endpoint", AWS_ACCOUNT.text),
        ("generateAuthorizationHeader", True),
        ("label", "Twinledger AWS"),
        ("namedCredentialType", "Legacy"),  # no other kind takes an ARN for an address
        ("principalType", "Anonymous"),
        ("protocol", "NoAuthentication"),
    ]
    path = f"{SOURCE}/namedCredentials/{_CREDENTIAL}.namedCredential-meta.xml"
    yield File(path, document("NamedCredential", named), "NamedCredential", _CREDENTIAL)
    config: list[Node] = [
        ("destinationResourceName", f"callout:{_CREDENTIAL}"),
        ("eventChannel", _CHANNEL),
        ("label", "Twinledger"),
        # after a failure everything of the last 72 hours again, rather than a gap: events are hints
        ("relayOption", '{"ReplayRecovery":"EARLIEST"}'),
    ]  # without a state: a new relay is stopped, and one that runs goes on when this is deployed again
    path = f"{SOURCE}/eventRelays/{_RELAY}.eventRelay-meta.xml"
    yield File(path, document("EventRelayConfig", config), "EventRelayConfig", _RELAY)


def _change_event(name: str) -> str:
    """An object's change event (Change Data Capture Developer Guide, "Change Event Object Names")."""
    return f"{name[:-1]}ChangeEvent" if name.endswith("__c") else f"{name}ChangeEvent"
