"""What every way to have a record settled does, in memory and through SQS."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.aws import clients
from chalicelib.aws.queues import SqsHints, hints_of
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.model import Change, Hint, Record, RowId, SalesforceId, Side, Value
from tests.fakes.hints import MemoryHints
from tests.integration.aws.stage import Stage


@dataclass(frozen=True)
class Subject:
    """A way to send hints, what arrived, and one that is full."""

    hints: MemoryHints | SqsHints
    arrived: Callable[[], list[Hint]]
    full: MemoryHints | SqsHints


def _memory() -> Subject:
    hints = MemoryHints()
    return Subject(hints, hints.take, MemoryHints(room=0))


def _sqs(stage: Stage) -> Subject:
    client = clients.sqs(**stage.options)
    urls = {
        Side.SALESFORCE: stage.outputs["SalesforceChangesUrl"],
        Side.POSTGRES: stage.outputs["PostgresChangesUrl"],
    }
    bulk = stage.outputs["BulkChangesUrl"]
    missing = dict.fromkeys(Side, bulk.replace("bulk", "missing"))

    def arrived() -> list[Hint]:
        found: list[Hint] = []
        for url in (*urls.values(), bulk):
            while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                found += [hint for message in messages for hint in hints_of(message["Body"])]
                for message in messages:
                    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    arrived()
    return Subject(SqsHints(client, urls, bulk), arrived, SqsHints(client, missing, missing[Side.POSTGRES]))


@pytest.fixture(params=["memory", "sqs"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """One of each kind."""
    return _memory() if request.param == "memory" else _sqs(request.getfixturevalue("aws"))


def hint(**parts: Any) -> Hint:
    """A hint from Salesforce with the record's content."""
    values: dict[str, Value] = {"Name": "Käse\x00\uffff\ufffe\U0001f9c0", "Active": False, "Phone": None}
    record = Record("001000000000001AAA", "key", False, values, "op-1", 1_790_000_000, "005", True, False)
    identity = SalesforceId("Account", "001000000000001AAA")
    made = Hint(identity, Change.UPDATED, str(uuid.uuid4()), 1_790_000_000.5, "005", record)
    return replace(made, **parts)


def test_hints_arrive_as_they_were_sent(subject: Subject) -> None:
    """Both sides' hints, with everything in them."""
    row = hint(identity=RowId("public.account", ("1", "ä")), record=None, sfid="001000000000002AAA", occurred_at=None)
    sent = [hint(), row, hint(change=Change.DELETED, actor=None)]
    subject.hints.send(sent)
    arrived = {one.hint_id: one for one in subject.arrived()}
    assert arrived == {one.hint_id: one for one in sent}


def test_any_number_is_sent(subject: Subject) -> None:
    """More than one call takes; and none at all."""
    subject.hints.send([])
    sent = [hint(identity=SalesforceId("Account", f"{number:018d}")) for number in range(23)]
    subject.hints.send(sent)
    assert {one.hint_id for one in subject.arrived()} == {one.hint_id for one in sent}


def test_many_arrive_as_they_were_sent(subject: Subject) -> None:
    """By the bulk lane, of both sides, beside others that are live."""
    sent = [hint(identity=SalesforceId("Account", f"{number:018d}"), bulk=number > 3) for number in range(50)]
    sent += [hint(identity=RowId("public.account", (str(number),)), record=None, bulk=True) for number in range(50)]
    subject.hints.send(sent)
    arrived = {one.hint_id: one for one in subject.arrived()}
    assert arrived == {one.hint_id: one for one in sent}


def test_order_within_a_record_is_kept(subject: Subject) -> None:
    """Nothing needs it, but people who read a queue expect it."""
    sent = [hint() for _ in range(12)]
    subject.hints.send(sent)
    assert [one.hint_id for one in subject.arrived()] == [one.hint_id for one in sent]


def test_what_is_not_accepted_is_an_error(subject: Subject) -> None:
    """The sender keeps its own copy until the whole call has succeeded."""
    with pytest.raises(TwinledgerError):
        subject.full.send([hint()])
