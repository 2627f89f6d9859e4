"""What holds for both writers."""

from typing import Any

import pytest

from chalicelib.core.errors import (
    ProtocolError,
)
from chalicelib.core.ports import RecordQuery, RecordWritten, WriteKind
from chalicelib.salesforce.client import Client
from tests.contract.live_bench import Org
from tests.contract.record_bench import CONTACT
from tests.integration.salesforce.writers_kit import (
    apex_of,
    conditional_of,
    write,
)


@pytest.mark.parametrize("make", [apex_of, conditional_of])
def test_a_change_costs_one_read_and_one_write(org: Org, make: Any) -> None:
    """Two calls, sign-ins aside, whichever writer."""
    record_id = org.user("POST", "sobjects/Contact", {"LastName": "Old"}).json()["id"]
    client = org.client()
    records = make(client)
    org.control("POST", "settings", {"clockOffsetSeconds": 3.0})
    seen = records.read([RecordQuery(CONTACT, record_id)])[0]
    outcome = records.write([write(WriteKind.UPDATE, seen, LastName="New")])[0]
    assert isinstance(outcome, RecordWritten)
    assert client.calls == 2


@pytest.mark.parametrize("make", [apex_of, conditional_of])
def test_write_without_a_record_is_a_defect(client: Client, make: Any) -> None:
    """Only a create may name no record."""
    with pytest.raises(ProtocolError):
        make(client).write([write(WriteKind.UPDATE, None, LastName="New")])
