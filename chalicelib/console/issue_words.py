"""Issues in plain words: what they are called, what happened, what to do about it."""

from collections.abc import Mapping

from chalicelib.core.ledger import Cause, IssueKind

KINDS: Mapping[IssueKind, str] = {
    IssueKind.CONFLICT: "Conflict",
    IssueKind.DELETE_EDIT: "Deleted and edited",
    IssueKind.REJECTED: "Refused",
    IssueKind.PARENT_MISSING: "Parent missing",
    IssueKind.ECHO_STORM: "Echo storm",
    IssueKind.UNDELIVERABLE: "Given up",
}
CAUSES: Mapping[IssueKind, str] = {
    IssueKind.CONFLICT: "{fields} was edited in Salesforce and in Postgres before either edit had reached the other "
    "side. Nothing was overwritten: each side keeps its own value.",
    IssueKind.DELETE_EDIT: "The record was deleted on one side while it was edited on the other. It was kept.",
    IssueKind.REJECTED: "A system refused to store {fields}. The values below were not written; everything else was.",
    IssueKind.PARENT_MISSING: "The record refers to another one that is not on the other side yet.",
    IssueKind.ECHO_STORM: "Automation on both sides changes {fields} back and forth. It was stopped: each side keeps "
    "its own form.",
    IssueKind.UNDELIVERABLE: "A message about this record could not be worked off, and was given up.",
}
ADVICE: Mapping[IssueKind, str] = {
    IssueKind.CONFLICT: "Choose the value that is right. It is written where the other one stands; what is overwritten "
    "is kept in the history.",
    IssueKind.DELETE_EDIT: "Nothing has to be done. Delete the record again if that was right.",
    IssueKind.REJECTED: "Correct the value on either side, or what refuses it, and try again.",
    IssueKind.PARENT_MISSING: "Create the parent, or try again once it is there.",
    IssueKind.ECHO_STORM: "End the automation that changes the value back, then edit the value on either side.",
    IssueKind.UNDELIVERABLE: "Try again: the record is sent to be compared once more.",
}
HISTORY: Mapping[Cause, str] = {
    Cause.EDIT: "got the edit of {other}",
    Cause.POLICY: "got the value of {other}, by the policy",
    Cause.ANSWER: "got a person's decision",
    Cause.REVERT: "got an earlier value back",
    Cause.FORM: "took over the form of {other}",
    Cause.CREATE: "was created, as in {other}",
    Cause.DELETE: "was deleted, as in {other}",
    Cause.UNDELETE: "was restored, as in {other}",
}
