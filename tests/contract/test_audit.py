"""What every audit does, in memory and in DynamoDB."""

import uuid
from dataclasses import replace

import pytest

from chalicelib.aws import clients
from chalicelib.aws.audit import TableAudit
from chalicelib.aws.table import Table
from chalicelib.core.audit import Act
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock
from tests.integration.aws.stage import Stage

AnyAudit = MemoryAudit | TableAudit


@pytest.fixture(params=["memory", "dynamodb"])
def audit(request: pytest.FixtureRequest) -> AnyAudit:
    """One of each kind."""
    if request.param == "memory":
        return MemoryAudit()
    stage: Stage = request.getfixturevalue("aws")
    return TableAudit(Table(clients.dynamodb(**stage.options), stage.outputs["LedgerTable"], FakeClock()))


@pytest.fixture
def act() -> Act:
    """An act in a month that no other test uses."""
    start = 1e9 + uuid.uuid4().int % 1900 * 30.5 * 86_400
    return Act(str(uuid.uuid4()), start, "ann", "operator", "take salesforce", ("issue-1", "issue-2"), ("Email",))


def test_an_act_is_there_before_its_outcome(audit: AnyAudit, act: Act) -> None:
    """Then with it; what is known stays."""
    audit.begin(act)
    assert act in audit.page(act.month, 10)
    audit.end(act, "taken", 5.5)
    audit.end(act, "something else", 6.5)
    assert replace(act, outcome="taken", ended_at=5.5) in audit.page(act.month, 10)


def test_an_act_that_was_never_begun_does_not_end(audit: AnyAudit, act: Act) -> None:
    """Nothing is made of it."""
    audit.end(act, "done", 5.5)
    assert act.id not in [one.id for one in audit.page(act.month, 10)]


def test_a_month_is_read_page_by_page(audit: AnyAudit, act: Act) -> None:
    """The newest first; other months are not in it."""
    start = act.at - act.at % 86_400
    run = f"{act.id[:8]}"
    acts = [replace(act, id=f"{run}-{number}", at=start + number) for number in range(7)]
    for one in [*acts, replace(act, id=f"{run}-late", at=start + 62 * 86_400)]:
        audit.begin(one)
    listed, before = [], "~"
    while page := audit.page(act.month, 3, before):
        assert len(page) <= 3
        listed += [one for one in page if one.id.startswith(run)]
        before = page[-1].place
    assert listed == acts[::-1]
