"""When a person's decision may be stored in a record's entry, for the next pass to carry out.

Each gives the entry with the decision, or None where it comes too late: what the person saw is not so any more.
"""

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.core.ledger import Answer, BaseState, Entry, IssueKind, alike

IGNORED = frozenset({IssueKind.CONFLICT, IssueKind.ECHO_STORM, IssueKind.REJECTED})  # what a person may leave as it is


def decided(entry: Entry, unit: str, answer: Answer) -> Entry | None:
    """The decision of a conflict: its issue is open, shows what the person saw, and nobody else has decided it.

    An issue without values of its own may be ignored, too. Half of a decision has to be completed, or decided anew.
    """
    shown = entry.issues.get(unit)
    if shown is None or unit in entry.answers:
        return None
    if answer.ignores:
        base = entry.bases.get(unit)
        if shown.kind not in IGNORED or (base is not None and base.state is BaseState.HALF):
            return None
        if shown.kind is not IssueKind.CONFLICT:
            return replace(entry, answers={**entry.answers, unit: answer})
    if not (alike(shown.postgres, answer.postgres) and alike(shown.salesforce, answer.salesforce)):
        return None
    return replace(entry, answers={**entry.answers, unit: answer})


def reverted(entry: Entry, answers: Mapping[str, Answer]) -> Entry | None:
    """Earlier values, all of them or none: each unit is in no issue, and is known to hold what the person saw.

    A unit in conflict is decided by way of its issue, where the person sees both values.
    """
    if not entry.alive:
        return None
    for unit, answer in answers.items():
        base = entry.bases.get(unit)
        if unit in entry.issues or unit in entry.answers or base is None:
            return None
        if not (alike(base.postgres, answer.postgres) and alike(base.salesforce, answer.salesforce)):
            return None
    return replace(entry, answers={**entry.answers, **answers})
