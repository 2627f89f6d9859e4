"""Messages within SQS's limits, and what becomes of those that it does not take."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.queues import (
    BATCH_BYTES,
    MESSAGE_BYTES,
    TOGETHER,
    Receipts,
    SqsHints,
    deduplication_of,
    group_of,
    hints_of,
    message_of,
)
from chalicelib.core.errors import ProtocolError, RetryLater, Throttled
from chalicelib.core.model import Change, Hint, Record, RowId, SalesforceId, Side

URLS = {Side.SALESFORCE: "salesforce", Side.POSTGRES: "postgres"}
ROW = Hint(RowId("public.account", ("1",)), Change.UPDATED, "17")
RECORD = Hint(SalesforceId("Account", "001000000000001AAA"), Change.UPDATED, "04l000000000001AAA")


def content(length: int) -> Record:
    """A record with one long text."""
    return Record("001000000000001AAA", None, False, {"Note__c": "x" * length}, None, 1, None, False, False)


class Service:
    """SQS as it answers a batch: each name in ``refuse`` is refused that many times."""

    def __init__(
        self, refuse: dict[str, int] | None = None, *, ours: bool = False, code: str = "InternalError"
    ) -> None:
        self.refuse = refuse or {}
        self.ours = ours
        self.code = code
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []

    def _batch(self, **request: Any) -> dict[str, Any]:
        self.calls.append((request["QueueUrl"], request["Entries"]))
        failed = []
        for entry in request["Entries"]:
            if self.refuse.get(entry["Id"], 0):
                self.refuse[entry["Id"]] -= 1
                failed.append({"Id": entry["Id"], "SenderFault": self.ours, "Code": self.code})
        return {"Successful": [], "Failed": failed} if failed else {"Successful": []}

    send_message_batch = delete_message_batch = change_message_visibility_batch = _batch


def sender(service: Service) -> SqsHints:
    """The port over that service."""
    return SqsHints(service, URLS, "bulk")  # type: ignore[arg-type]


def test_each_side_has_its_queue() -> None:
    """A hint goes to the queue of the side that changed."""
    service = Service()
    sender(service).send([ROW, RECORD])
    assert [(url, len(entries)) for url, entries in service.calls] == [("salesforce", 1), ("postgres", 1)]


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (RECORD, "001000000000001AAA"),
        (replace(ROW, sfid="001000000000002AAA"), "001000000000002AAA"),
        (ROW, 'postgres#public.account#["1"]'),
    ],
)
def test_a_record_is_a_message_group(hint: Hint, expected: str) -> None:
    """The Salesforce id where it is known, else the row."""
    assert group_of(hint) == expected


@pytest.mark.parametrize("pk", [("ä",), ("a b",), ("x" * 200,)])
def test_a_row_that_no_group_can_spell_is_hashed(pk: tuple[str, ...]) -> None:
    """Group ids take 128 plain characters; different rows keep different groups."""
    group = group_of(replace(ROW, identity=RowId("public.account", pk)))
    assert group.startswith("sha256-")
    assert len(group) <= 128
    assert group != group_of(replace(ROW, identity=RowId("public.account", (*pk, ""))))


def test_the_same_id_of_both_sides_is_two() -> None:
    """An outbox id may equal an event id; a long or odd one is hashed."""
    assert deduplication_of(ROW) == "postgres-17"
    assert deduplication_of(RECORD) == "salesforce-04l000000000001AAA"
    assert deduplication_of(replace(ROW, hint_id="x" * 200)).startswith("sha256-")
    assert deduplication_of(replace(ROW, hint_id="a b")) != deduplication_of(replace(ROW, hint_id="a c"))


def test_a_change_back_has_an_id_of_its_own() -> None:
    """Of A, B, A within five minutes the queue must not take the last one for the first."""
    service = Service()
    sender(service).send([replace(ROW, hint_id=hint_id) for hint_id in ("17", "18", "19")])
    [(_, entries)] = service.calls
    assert len({entry["MessageDeduplicationId"] for entry in entries}) == 3


def test_content_rides_along_while_it_is_small() -> None:
    """A message that would be too large goes without it: the record is then read."""
    small, large = replace(RECORD, record=content(1000)), replace(RECORD, record=content(MESSAGE_BYTES))
    assert hints_of(message_of(small)) == (small,)
    assert hints_of(message_of(large)) == (RECORD,)


def test_a_batch_is_small_enough() -> None:
    """Ten messages, and no more bytes than a call takes."""
    service = Service()
    sender(service).send([replace(RECORD, record=content(60_000))] * 9 + [ROW] * 11)
    sizes = [[len(entry["MessageBody"].encode()) for entry in entries] for _, entries in service.calls]
    assert [len(batch) for batch in sizes] == [4, 4, 1, 10, 1]
    assert max(sum(batch) for batch in sizes) <= BATCH_BYTES


def test_a_message_that_was_refused_is_sent_once_more() -> None:
    """Only that one."""
    service = Service({"1": 1})
    sender(service).send([RECORD, RECORD, RECORD])
    assert [[entry["Id"] for entry in entries] for _, entries in service.calls] == [["0", "1", "2"], ["1"]]


def test_messages_that_stay_refused_are_counted() -> None:
    """The caller learns how many, and that it may try again."""
    with pytest.raises(RetryLater, match="2 of 3 messages: InternalError"):
        sender(Service({"0": 2, "2": 2})).send([RECORD, RECORD, RECORD])


def test_a_message_that_is_our_fault_is_a_defect() -> None:
    """Trying again would not help."""
    with pytest.raises(ProtocolError, match="InvalidMessageContents"):
        sender(Service({"0": 2}, ours=True, code="InvalidMessageContents")).send([RECORD])
    with pytest.raises(Throttled):
        sender(Service({"0": 2}, ours=True, code="RequestThrottled")).send([RECORD])


def test_received_messages_are_deleted_in_batches() -> None:
    """Ten a call."""
    service = Service()
    Receipts(service, "postgres").delete([f"r{number}" for number in range(12)])  # type: ignore[arg-type]
    assert [len(entries) for _, entries in service.calls] == [10, 2]
    assert service.calls[1][1] == [{"Id": "0", "ReceiptHandle": "r10"}, {"Id": "1", "ReceiptHandle": "r11"}]


def test_received_messages_are_hidden_for_a_while() -> None:
    """Each for its own time, within what SQS takes."""
    service = Service()
    Receipts(service, "postgres").hide({"a": 2.4, "b": 1e9, "c": -1.0})  # type: ignore[arg-type]
    assert [entry["VisibilityTimeout"] for entry in service.calls[0][1]] == [2, 43_200, 0]


@pytest.mark.parametrize("call", ["delete", "hide"])
def test_a_receipt_that_is_refused_is_an_error(call: str) -> None:
    """The message comes again."""
    receipts = Receipts(Service({"0": 1}), "postgres")  # type: ignore[arg-type]
    with pytest.raises(RetryLater, match="1 of 1 messages"):
        getattr(receipts, call)({"a": 1.0} if call == "hide" else ["a"])


@pytest.mark.parametrize("message", ["", "hello", "\ud800", '{"v":9,"data":{}}'])
def test_a_message_that_is_none_of_ours_is_a_defect(message: str) -> None:
    """It stays in its queue, and ends as an issue."""
    with pytest.raises(ProtocolError):
        hints_of(message)


def test_many_share_messages_of_the_bulk_lane() -> None:
    """Of both sides, twenty in each, and each a group of its own, so that none waits for another."""
    service = Service()
    hints = [replace(RECORD if number % 2 else ROW, hint_id=str(number), bulk=True) for number in range(45)]
    sender(service).send([ROW, *hints])
    assert [url for url, _ in service.calls] == ["postgres", "bulk"]
    entries = service.calls[1][1]
    assert [len(hints_of(entry["MessageBody"])) for entry in entries] == [TOGETHER, TOGETHER, 5]
    assert [hint for entry in entries for hint in hints_of(entry["MessageBody"])] == hints
    assert len({entry["MessageGroupId"] for entry in entries}) == 3
    assert all(entry["MessageGroupId"] == entry["MessageDeduplicationId"] for entry in entries)


def test_the_same_bulk_message_is_known_again() -> None:
    """By the ids of its hints; one that was put together otherwise is another."""
    service = Service()
    hints = [replace(ROW, hint_id=str(number), bulk=True) for number in range(3)]
    for some in (hints, hints, hints[:2]):
        sender(service).send(some)
    first, again, other = (entries[0]["MessageDeduplicationId"] for _, entries in service.calls)
    assert (first == again, first == other) == (True, False)


def test_a_bulk_message_is_small_enough() -> None:
    """Hints with much content make more messages, and one with too much goes without it."""
    service = Service()
    large = [replace(RECORD, record=content(90_000), bulk=True)] * 3
    sender(service).send([*large, replace(RECORD, record=content(MESSAGE_BYTES), bulk=True)])
    sizes = [[len(hints_of(entry["MessageBody"])) for entry in entries] for _, entries in service.calls]
    assert sizes == [[2], [2]]
    assert hints_of(service.calls[1][1][0]["MessageBody"])[1] == replace(RECORD, bulk=True)
