"""Every metric, in one table: its name, its unit, its dimensions and what it says.

The code counts by these names, and infra/alarms.yaml watches no others. Each has the dimension ``stage``; those that
are told by direction have ``direction`` beside it, and nothing else is a dimension: each combination of values is a
metric of its own that is paid for.
"""

from enum import StrEnum

from chalicelib.core.model import Side

NAMESPACE = "Twinledger"
STAGE = "stage"
DIRECTION = "direction"


def direction_from(side: Side) -> str:
    """The value of the dimension ``direction`` for what comes from a side."""
    return f"{side}-to-{side.other}"


class Unit(StrEnum):
    """Units as CloudWatch names them (Amazon CloudWatch API Reference, "MetricDatum")."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    PERCENT = "Percent"


class Metric(StrEnum):
    """A metric: its name is the value.

    Attributes:
        unit: of its values.
        meaning: what it says, in a line.
        directed: whether it is told by direction.
    """

    unit: Unit
    meaning: str
    directed: bool

    def __new__(cls, name: str, unit: Unit, meaning: str, directed: bool = False) -> "Metric":
        """One line of the table."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.unit, member.meaning, member.directed = unit, meaning, directed
        return member

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of its dimensions."""
        return (STAGE, DIRECTION) if self.directed else (STAGE,)

    # --- what became of messages

    SETTLED = "Settled", Unit.COUNT, "messages after which both sides agree, something having been written", True
    LATENCY = "Latency", Unit.MILLISECONDS, "from the commit of an edit to its being settled", True
    BULK_LATENCY = "BulkLatency", Unit.MILLISECONDS, "the same of edits that are some of many", True
    UNCHANGED = "Unchanged", Unit.COUNT, "messages that told of nothing new, echoes included"
    ECHOES = "Echoes", Unit.COUNT, "messages that were known for our own writes without a read of Salesforce"
    HANDED_OVER = "HandedOver", Unit.COUNT, "messages left to the worker that had the record"
    WAITING = "Waiting", Unit.COUNT, "messages of children that wait for their parents"
    PARKED = "Parked", Unit.COUNT, "messages of records that a system refused; an issue says why"
    RETRY = "Retry", Unit.COUNT, "messages that are to come again"
    LOCK_RETRIES = "LockRetries", Unit.COUNT, "those of them that met a lock of somebody else's"
    GROUP_WAITS = "GroupWaits", Unit.COUNT, "writes not sent, for another call wrote children of the same parent"
    HALTED = "Halted", Unit.COUNT, "messages that wait for a person to act"
    CONFLICTS = "Conflicts", Unit.COUNT, "conflicts, whether they became issues or a policy decided"
    MERGED = "Merged", Unit.COUNT, "edits carried while the other side had an edit of its own"

    # --- how batches went

    QUEUE_TIME = "QueueTime", Unit.MILLISECONDS, "from a message's being accepted to its batch"
    SETTLE_TIME = "SettleTime", Unit.MILLISECONDS, "duration of the settle step of a batch"
    POSTPONED = "Postponed", Unit.COUNT, "messages put off for a minute or longer"
    PAUSED = "Paused", Unit.COUNT, "messages put aside, for their mapping is paused"
    BRAKED = "Braked", Unit.COUNT, "writes that the brake held, for there were too many of their kind"
    REMAPPED = "Remapped", Unit.COUNT, "messages that come again because mappings were installed meanwhile"
    UNREADABLE = "UnreadableMessages", Unit.COUNT, "messages of a queue that are none of ours"
    UNDELIVERABLE = "Undeliverable", Unit.COUNT, "dead letters that were made issues"

    # --- what comes in

    RECEIVED = "Received", Unit.COUNT, "changes that Salesforce told of"
    NOT_MAPPED = "NotMapped", Unit.COUNT, "changes of objects that no mapping names"
    NAMELESS = "Nameless", Unit.COUNT, "outbound messages of records that were deleted before the delivery"
    REFUSED = "Refused", Unit.COUNT, "requests and events of callers that are not known"
    MALFORMED = "Malformed", Unit.COUNT, "requests and events that cannot be read, or are too large to be"
    SECRET_AGE = "WebhookSecretAge", Unit.COUNT, "days since the secret was made that a caller presented"
    OLD_SECRET = "OldSecret", Unit.COUNT, "requests with a secret beside which there is a newer one"
    WEBHOOK_ERRORS = "WebhookErrors", Unit.COUNT, "requests that could not be accepted, and are to be sent again"

    # --- the relay

    OUTBOX_DEPTH = "OutboxDepth", Unit.COUNT, "captured changes in the outbox, counted up to 10,000"
    RELAY_LAG = "RelayLag", Unit.MILLISECONDS, "since the oldest unsent change was read from the outbox"

    # --- the sweep

    SWEPT = "Swept", Unit.COUNT, "hints sent for what was found"
    SWEPT_BEFORE = "SweptBefore", Unit.COUNT, "changes met again that had been told of"
    SWEEP_CROWDED = "SweepCrowded", Unit.COUNT, "minutes with more changes than Salesforce lists"
    SWEEP_INCOMPLETE = "SweepIncomplete", Unit.COUNT, "objects of which deletions may be missing"
    SWEEP_UNFINISHED = "SweepUnfinished", Unit.COUNT, "objects that the next run goes on with"
    SWEEP_STRETCHED = "SweepStretched", Unit.COUNT, "objects left for later, for API requests are running out"
    WOKEN = "Woken", Unit.COUNT, "hints sent of what had been put off"

    # --- the state of things, told by the sweep

    ISSUES_OPEN = "IssuesOpen", Unit.COUNT, "issues that wait for a person, counted up to 1,000"
    ISSUES_NEW = "IssuesNew", Unit.COUNT, "those of them that were opened within the last hour"
    CERTIFICATE_DAYS = "CertificateDaysLeft", Unit.COUNT, "days until the certificate of the sign-in ends"

    # --- Salesforce's daily allowance of API requests

    CALLS = "SalesforceCalls", Unit.COUNT, "requests made by this deployment"
    CALLS_HELD = "CallsHeld", Unit.COUNT, "requests not made, for their lane's share of the allowance is used"
    CALLS_USED = "SalesforceCallsUsed", Unit.COUNT, "requests of the org in the last 24 hours, whoever made them"
    CALLS_LEFT = "SalesforceCallsLeft", Unit.COUNT, "requests that the org may still make"
    CALLS_USED_PERCENT = "SalesforceCallsUsedPercent", Unit.PERCENT, "how much of the allowance is used"
