"""What DynamoDB leaves undone is done again, and what it refuses is told apart."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws import items
from chalicelib.aws.table import Put, Refused, Table
from chalicelib.core.errors import ProtocolError, RecordLocked, Throttled
from tests.fakes.clock import FakeClock

NAME = "ledger"


class Service:
    """DynamoDB as it answers under load: ``leave`` times it leaves the last of what was asked undone."""

    def __init__(self, leave: int = 0, errors: tuple[dict[str, Any], ...] = ()) -> None:
        self.leave = leave
        self.errors = list(errors)
        self.asked: list[int] = []
        self.done: list[Any] = []

    def _some(self, wanted: list[Any]) -> tuple[list[Any], list[Any]]:
        self.asked.append(len(wanted))
        if not self.leave:
            return wanted, []
        self.leave -= 1
        return wanted[:-1], wanted[-1:]

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 -- boto3's own name
        """Some items, some unprocessed keys."""
        done, left = self._some(RequestItems[NAME]["Keys"])
        return {"Responses": {NAME: done}, "UnprocessedKeys": {NAME: {"Keys": left}} if left else {}}

    def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        """Some writes, some unprocessed items."""
        done, left = self._some(RequestItems[NAME])
        self.done += done
        return {"UnprocessedItems": {NAME: left} if left else {}}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """The next error, or success."""
        if self.errors:
            raise ClientError(self.errors.pop(0), "TransactWriteItems")  # type: ignore[arg-type]
        self.done.append(request)
        return {}


def table(service: Service, clock: FakeClock | None = None) -> Table:
    """A table of that service."""
    return Table(service, NAME, clock or FakeClock())  # type: ignore[arg-type]


def cancelled(*codes: str | None) -> dict[str, Any]:
    """A transaction that was cancelled for these reasons."""
    return {
        "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
        "CancellationReasons": [{"Code": code or "None", "Message": "why"} for code in codes],
    }


KEYS = [(f"p{number}", "s") for number in range(30)]
PUT = Put(items.item(("p", "s")))


def test_unread_keys_are_asked_again() -> None:
    """With a pause that is drawn at random, so that workers do not come back together."""
    service, clock = Service(leave=2), FakeClock()
    assert set(table(service, clock).get_many(KEYS)) == set(KEYS)
    assert service.asked == [30, 1, 1]
    assert 0 < clock.slept < 0.15


def test_keys_that_stay_unread_are_throttled() -> None:
    """After a few tries the work is left for later."""
    with pytest.raises(Throttled, match="1 of 30 keys"):
        table(Service(leave=99)).get_many(KEYS)


def test_unwritten_items_are_sent_again() -> None:
    """In batches of 25, each until it is done."""
    service = Service(leave=1)
    table(service).put_many([items.item(key) for key in KEYS])
    assert service.asked == [25, 1, 5]
    assert len(service.done) == 30


def test_items_that_stay_unwritten_are_throttled() -> None:
    """After a few tries the work is left for later."""
    with pytest.raises(Throttled, match="1 of 25 items"):
        table(Service(leave=99)).delete_many(KEYS)


def test_duplicates_are_sent_once() -> None:
    """A batch that names one key twice would be refused whole; the last put counts."""
    service = Service()
    table(service).put_many([items.item(("p", "s"), a={"S": "1"}), items.item(("p", "s"), a={"S": "2"})])
    assert [request["PutRequest"]["Item"]["a"] for request in service.done] == [{"S": "2"}]
    service.done.clear()
    table(service).delete_many([("p", "s"), ("p", "s")])
    assert len(service.done) == 1


def test_a_failed_condition_is_no_error() -> None:
    """It says whose condition it was."""
    refused = table(Service(errors=(cancelled(None, "ConditionalCheckFailed"),))).transact([PUT, PUT], "token")
    assert refused == Refused((None, None), (False, True))


def test_a_conflicting_transaction_is_tried_again() -> None:
    """With the same token, so that it takes effect once."""
    service, clock = Service(errors=(cancelled("TransactionConflict", None),) * 2), FakeClock()
    assert table(service, clock).transact([PUT], "token") is None
    assert [request["ClientRequestToken"] for request in service.done] == ["token"]
    assert clock.slept > 0


def test_a_lasting_conflict_is_left_for_later() -> None:
    """After a few tries."""
    with pytest.raises(RecordLocked, match="TransactionConflict: why"):
        table(Service(errors=(cancelled("TransactionConflict"),) * 99)).transact([PUT], "token")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (cancelled("ThrottlingError"), Throttled),
        (cancelled("ValidationError"), ProtocolError),
        (cancelled(), ProtocolError),
        (cancelled(None), ProtocolError),
        ({"Error": {"Code": "IdempotentParameterMismatchException"}}, ProtocolError),
    ],
)
def test_other_reasons_are_raised(error: dict[str, Any], expected: type[Exception]) -> None:
    """A cancelled transaction is what its reason is."""
    with pytest.raises(expected):
        table(Service(errors=(error,))).transact([PUT], "token")
