"""Acts are written down before they are done."""

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.jobs.auditing import Auditor
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock


def test_an_act_is_written_down_first() -> None:
    """And completed with its outcome."""
    audit = MemoryAudit()
    with Auditor(audit, FakeClock()).noted("ann", "operator", "retry", ["i"], ["Email"]) as note:
        [begun] = audit.acts.values()
        note.outcome = "taken"
    [act] = audit.acts.values()
    assert (begun.outcome, begun.subjects, begun.fields) == ("", ("i",), ("Email",))
    assert (act.actor, act.role, act.verb, act.outcome) == ("ann", "operator", "retry", "taken")


def test_an_act_that_fails_names_the_error_without_its_text() -> None:
    """The text may hold what somebody typed."""
    audit = MemoryAudit()
    with pytest.raises(Rejected), Auditor(audit, FakeClock()).noted("ann", "operator", "retry"):
        raise Rejected("secret value")
    [act] = audit.acts.values()
    assert act.outcome == "not done: Rejected"
