"""What goes with a record in the real table, and what stays."""

import uuid

import pytest

from chalicelib.aws import clients
from chalicelib.aws.archive import Archive
from chalicelib.aws.erasure import Erased, Erasure
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.table import Table
from chalicelib.core.ledger import Entry, EntryChange
from chalicelib.core.model import RowId, SalesforceId
from tests.fakes.clock import FakeClock
from tests.integration.aws.stage import Stage


@pytest.fixture
def table(aws: Stage) -> Table:
    """The table of the test stage."""
    return Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], FakeClock())


def test_an_entry_that_was_written_meanwhile_stays(table: Table) -> None:
    """Nothing leads to it any less; the next try takes it, and leaves look-ups that lead elsewhere by now."""
    ledger = DynamoLedger(table, Archive(table), FakeClock())
    key, other = str(uuid.uuid4()), str(uuid.uuid4())
    sfid, row = SalesforceId("Account", uuid.uuid4().hex[:18]), RowId("public.account", (uuid.uuid4().hex,))
    first = Entry(key, "account", version=1, alive=False, sfid=sfid.id)
    ledger.write([EntryChange(None, first, (sfid,))])
    ledger.write([EntryChange(None, Entry(other, "account", version=1, alive=True), (row,))])
    second = Entry(key, "account", version=2, alive=False, sfid=sfid.id)
    ledger.write([EntryChange(first, second)])
    erasure = Erasure(table)

    assert erasure.erase(key, first, [sfid, row]) is None
    assert (ledger.read([key])[key].version, ledger.find([sfid])) == (2, {sfid: key})
    assert erasure.erase(key, second, [sfid, row]) == Erased({"ledger entry": 1})
    assert (ledger.read([key]), ledger.find([sfid, row])) == ({}, {row: other})
    assert erasure.holds(key) == Erased({})
