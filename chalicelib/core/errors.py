"""Every error of Twinledger, and what is to be done about it.

    TwinledgerError
    ├── RetryLater              the same work may pass later; nothing is wrong with the data
    │   ├── RecordLocked        another transaction holds the record or its parent (UNABLE_TO_LOCK_ROW, lock_timeout)
    │   ├── Throttled           the system asks us to slow down (concurrent requests, DynamoDB throughput)
    │   ├── QuotaExhausted      a daily allowance is gone: hours, not seconds
    │   ├── Unavailable         the system did not answer, or answered that it cannot now
    │   ├── Superseded          somebody was faster on this record, round after round
    │   └── MappingPaused       a person has to look at a mass change before more of it is carried out
    ├── Parked                  the system refused this write: never sent again until something changes it
    │   ├── Rejected            validation, length, permission, unknown code: a person mends the data
    │   ├── ParentMissing       the write names a parent that is not there yet: the child waits for it
    │   └── ChildrenLeft        others refer to what is to be deleted: the deletion waits for them
    ├── Dropped                 nothing is to be done, and nothing is lost by it
    │   └── NotMapped           a change of an object or table that no mapping names
    └── Halted                  a person has to act before anything is written
        ├── MappingError        the mapping file does not fit itself, the database or the org
        ├── ConfigurationError  a setting or secret is missing or wrong
        ├── AccessDenied        the system does not let us in at all
        └── ProtocolError       a state that the protocol excludes: a defect of ours

The class says the decision: :attr:`TwinledgerError.decision`.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from chalicelib.core.model import Identity


class Decision(StrEnum):
    """What the caller does with a message whose work failed."""

    RETRY = "retry"  # leave the message in its queue, or give the record a due time
    PARK = "park"  # acknowledge; an issue holds the reason
    DROP = "drop"  # acknowledge
    HALT = "halt"  # leave the message; alarm: every other message would fail the same way


class TwinledgerError(Exception):
    """Base of every error that Twinledger raises. The message defaults to the docstring of the class."""

    decision: ClassVar[Decision] = Decision.HALT

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").split("\n", 1)[0])


class RetryLater(TwinledgerError):
    """The same work may pass later.

    Attributes:
        after: seconds to wait before the next try; None leaves it to the caller's back-off.
    """

    decision = Decision.RETRY

    def __init__(self, message: str = "", *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class RecordLocked(RetryLater):
    """Another transaction holds the record or its parent."""


class Throttled(RetryLater):
    """The system asks us to slow down."""


class QuotaExhausted(RetryLater):
    """A daily allowance is used up."""


class Unavailable(RetryLater):
    """The system did not answer, or answered that it cannot now."""


class Superseded(RetryLater):
    """The record kept moving while it was being settled."""


class MappingPaused(RetryLater):
    """The mapping is paused: a person looks at a mass change."""


class Parked(TwinledgerError):
    """The system refused this write.

    Attributes:
        code: the system's own code (a Salesforce errorCode, a SQLSTATE).
        fields: Salesforce field names that the system blames; empty when it names none.
    """

    decision = Decision.PARK

    def __init__(self, message: str = "", *, code: str = "", fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.fields = tuple(fields)


class Rejected(Parked):
    """The system rejects these values; a person mends the data."""


class ParentMissing(Parked):
    """The write names a parent that is not there yet."""


class ChildrenLeft(Parked):
    """Others refer to what is to be deleted.

    Attributes:
        children: who does, by their Salesforce ids where they are linked.
    """

    def __init__(self, children: "Sequence[Identity]") -> None:
        super().__init__()
        self.children = tuple(children)


class Dropped(TwinledgerError):
    """Nothing is to be done."""

    decision = Decision.DROP


class NotMapped(Dropped):
    """No mapping names this object or table."""


class Halted(TwinledgerError):
    """A person has to act before anything is written."""


class MappingError(Halted):
    """The mapping does not fit. Every problem found is listed: file, table, field, remedy.

    Attributes:
        problems: one line each.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class ConfigurationError(Halted):
    """A setting or a secret is missing or wrong."""


class AccessDenied(Halted):
    """The system does not let us in."""


class ProtocolError(Halted):
    """The protocol excludes this state."""
