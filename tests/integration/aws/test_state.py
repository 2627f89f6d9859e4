"""What the table keeps beside the records: the installation, and hints for later."""

import uuid
from dataclasses import replace

import pytest

from chalicelib.aws import clients, items
from chalicelib.aws.agenda import Agenda
from chalicelib.aws.archive import Archive
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.state import Installation, Probe, State
from chalicelib.aws.table import Table
from chalicelib.aws.waiting import PATIENCE
from chalicelib.core.errors import ProtocolError
from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping, Unit
from chalicelib.core.model import Change, Hint, Record, RowId, SalesforceId
from chalicelib.core.ports import Waiter
from chalicelib.core.registrations import GRACE
from chalicelib.core.work import WAKE
from tests.fakes.clock import FakeClock
from tests.integration.aws.stage import Stage

NAME = Field("Name", "name", Kind.TEXT, "text")
MAPPING = ObjectMapping(
    "account", "Account", "public.account", ("id",), ("bigint",), (NAME,), (Unit("Name", ("Name",)),)
)


@pytest.fixture
def table(aws: Stage) -> Table:
    """The table."""
    return Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], FakeClock())


@pytest.fixture
def key() -> str:
    """A name that no other test uses."""
    return str(uuid.uuid4())


def test_the_installation_is_remembered(table: Table) -> None:
    """A newer one takes its place."""
    state = State(table)
    assert state.installation() is None
    installation = Installation(
        Mappings((MAPPING,)), "ab" * 32, "00D000000000001EAA", "005000000000001AAA", "7:twin", 5.5
    )
    for newer in (replace(installation, changing=True), replace(installation, installed_at=1.0), installation):
        state.save_installation(newer)
        assert state.installation() == newer == State(table).installation()
    assert state.installation() is state.installation()


def test_a_damaged_installation_is_a_defect(table: Table) -> None:
    """It is not taken for a missing one."""
    table.put_many([items.item(("probe#damaged", "probe"), body={"S": "{}"})])
    with pytest.raises(ProtocolError, match="Probe"):
        State(table).probe("damaged")


def test_a_probe_is_of_one_org(table: Table, key: str) -> None:
    """A refreshed sandbox is another org: it has not passed."""
    state = State(table)
    probe = Probe(key, passed=True, at=5.5, findings=("ok",))
    state.save_probe(probe)
    assert state.probe(key) == probe
    assert state.probe(f"{key}-2") is None


def hint(key: str) -> Hint:
    """A hint with content."""
    content = Record(key, None, False, {"Name": "a"}, None, 1, None, False, False)
    return Hint(SalesforceId("Account", key), Change.UPDATED, "17", 1.0, "ann", content)


def due(agenda: Agenda, key: str, now: float) -> list[str]:
    """The deduplication ids of a record's due hints."""
    found = [one.hint for one in agenda.due(now) if one.hint.identity == SalesforceId("Account", key)]
    return ["-".join(one.hint_id.split("-")[:2]) for one in found]


def test_a_postponed_hint_comes_back_in_its_time(table: Table, key: str) -> None:
    """Once, without content, and under another deduplication id than the message that it came from."""
    agenda = Agenda(table)
    agenda.postpone(hint(key), 50.5)
    assert due(agenda, key, 50.25) == []
    [found] = [one for one in agenda.due(50.5) if one.hint.identity == SalesforceId("Account", key)]
    assert found.hint == replace(hint(key), record=None, hint_id=f"due-50.5-salesforce#Account#{key}")
    agenda.done(found, 51.0)
    assert due(agenda, key, 1000.0) == []


def test_a_hint_that_was_postponed_again_stays(table: Table, key: str) -> None:
    """The sweeper takes away only what it has sent."""
    agenda = Agenda(table)
    agenda.postpone(hint(key), 50.0)
    [found] = [one for one in agenda.due(60.0) if one.hint.identity == SalesforceId("Account", key)]
    agenda.postpone(hint(key), 90.0)
    agenda.done(found, 61.0)
    assert due(agenda, key, 89.0) == []
    assert due(agenda, key, 90.0) == ["due-90"]


def test_a_waiter_is_looked_after(table: Table, key: str) -> None:
    """Should its parent never wake it, it is woken soon and then now and then, and goes on waiting."""
    clock = FakeClock(100.0)
    ledger, agenda = DynamoLedger(table, Archive(table), clock), Agenda(table)
    parent, child = SalesforceId("Account", key), RowId("public.contact", (key,))
    ledger.wait_for([Waiter(parent, key, Hint(child, Change.CREATED, "1", 100.0))])
    assert [one for one in agenda.due(99.0 + GRACE) if one.hint.identity == child] == []
    [found] = [one for one in agenda.due(100.0 + GRACE) if one.hint.identity == child]
    assert found.hint.hint_id.startswith(WAKE)
    agenda.done(found, 101.0 + GRACE)
    later = 101.0 + GRACE + PATIENCE
    assert [one for one in agenda.due(later - 1.0) if one.hint.identity == child] == []
    assert len([one for one in agenda.due(later) if one.hint.identity == child]) == 1
    assert [waiter.key for waiter in ledger.waiters([parent])] == [key]
    ledger.forget(ledger.waiters([parent]))
    assert [one for one in agenda.due(1e9) if one.hint.identity == child] == []


def test_a_waiter_that_registers_anew_is_looked_after_less_often(table: Table, key: str) -> None:
    """Its first registration is a while ago."""
    ledger, agenda = DynamoLedger(table, Archive(table), FakeClock(100.0 + GRACE)), Agenda(table)
    parent, child = SalesforceId("Account", key), RowId("public.contact", (key,))
    ledger.wait_for([Waiter(parent, key, Hint(child, Change.CREATED, "2", 100.0))])
    later = 100.0 + GRACE + PATIENCE
    assert [one for one in agenda.due(later - 1.0) if one.hint.identity == child] == []
    assert len([one for one in agenda.due(later) if one.hint.identity == child]) == 1
