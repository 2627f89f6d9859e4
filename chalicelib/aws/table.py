"""DynamoDB calls, whole: what the service leaves undone is done again, what it refuses is an error of Twinledger.

The low-level client and not boto3's resource: transactions exist on the client only, it may be shared by threads, and
it loads in half the time. Every read is consistent, but for the indexes, which cannot be; they give keys only.
"""

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from chalicelib.aws.errors import classify, of_code, translated
from chalicelib.aws.items import Attributes, Key, key_of
from chalicelib.core.errors import RecordLocked, Throttled, TwinledgerError
from chalicelib.core.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")
R = TypeVar("R")

READ_AT_ONCE = 100  # BatchGetItem
WRITE_AT_ONCE = 25  # BatchWriteItem
TRIES = 6
FIRST_DELAY = 0.05  # seconds; doubled with every try, and drawn at random up to that
THREADS = 10


@dataclass(frozen=True, slots=True)
class Refused:
    """A condition failed.

    Attributes:
        items: per item of the write: what stands there now; None where its own condition held, or nothing stands there.
        failed: per item of the write: whether its own condition failed.
    """

    items: tuple[Attributes | None, ...]
    failed: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Put:
    """One conditional put.

    Attributes:
        item: what to write.
        condition: condition expression; None: none.
        values: its values, by placeholder.
    """

    item: Attributes
    condition: str | None = None
    values: Mapping[str, Any] | None = None

    def request(self, table: str) -> dict[str, Any]:
        """The parameters of the call."""
        request: dict[str, Any] = {"TableName": table, "Item": self.item}
        if self.condition is not None:
            request |= {"ConditionExpression": self.condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if self.values:
            request["ExpressionAttributeValues"] = dict(self.values)
        return request


class Table:
    """One DynamoDB table.

    Args:
        client: a boto3 client; shared by threads.
        name: of the table.
        clock: for the pauses between tries.
    """

    def __init__(self, client: "DynamoDBClient", name: str, clock: Clock) -> None:
        self._client = client
        self._name = name
        self._clock = clock

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(THREADS, thread_name_prefix="ledger")

    def each(self, work: Callable[[T], R], wanted: Sequence[T]) -> list[R]:
        """Do the same for many, side by side; results in the order asked."""
        if len(wanted) < 2:
            return [work(one) for one in wanted]
        return list(self._threads.map(work, wanted))

    # --- reads

    def get(self, key: Key) -> Attributes | None:
        """One item; None where there is none."""
        with translated():
            answer = self._client.get_item(TableName=self._name, Key=_key(key), ConsistentRead=True)
        return dict(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Collection[Key]) -> dict[Key, Attributes]:
        """Many items; those that are not there are left out.

        Raises:
            Throttled: DynamoDB left keys unread, try after try.
        """
        found: dict[Key, Attributes] = {}
        for some in _groups(list(dict.fromkeys(keys)), READ_AT_ONCE):
            wanted: list[Any] = [_key(key) for key in some]
            for attempt in range(TRIES):
                request = {self._name: {"Keys": wanted, "ConsistentRead": True}}
                with translated():
                    answer = self._client.batch_get_item(RequestItems=request)  # type: ignore[arg-type]
                items = answer["Responses"].get(self._name, [])
                found |= {key_of(item): dict(item) for item in items}
                unread: Any = answer.get("UnprocessedKeys", {})
                wanted = list(unread[self._name]["Keys"]) if unread else []
                if not wanted:
                    break
                self._pause(attempt)
            else:
                raise Throttled(f"DynamoDB left {len(wanted)} of {len(some)} keys unread")
        return found

    def query(
        self,
        partition: str,
        between: tuple[str, str] | None = None,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Attributes]:
        """The items of a partition in order of their sort keys, those from ``between[0]`` to ``between[1]``."""
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": "pk = :pk" + (" AND sk BETWEEN :low AND :high" if between else ""),
            "ExpressionAttributeValues": {":pk": {"S": partition}},
            "ConsistentRead": True,
            "ScanIndexForward": not newest_first,
        }
        if between:
            request["ExpressionAttributeValues"] |= {":low": {"S": between[0]}, ":high": {"S": between[1]}}
        return self._pages(request, limit)

    def index(
        self,
        index: str,
        partition: tuple[str, str],
        between: tuple[str, Attributes, Attributes],
        *,
        page: int,
        newest_first: bool = False,
        also: Collection[str] = (),
    ) -> Iterator[Attributes]:
        """One partition of an index in its order, not consistent: key and index keys.

        Args:
            index: its name.
            partition: its partition key's name and value.
            between: its sort key's name, lowest and highest value.
            page: items to read at once.
            newest_first: the other way round.
            also: attributes to read beside the keys; of what the index projects.
        """
        request: dict[str, Any] = {
            "TableName": self._name,
            "IndexName": index,
            "ProjectionExpression": ", ".join(("pk", "sk", "#partition", "#sort", *also)),
            "KeyConditionExpression": "#partition = :partition AND #sort BETWEEN :low AND :high",
            "ExpressionAttributeNames": {"#partition": partition[0], "#sort": between[0]},
            "ExpressionAttributeValues": {":partition": {"S": partition[1]}, ":low": between[1], ":high": between[2]},
            "Limit": page,
            "ScanIndexForward": not newest_first,
        }
        return self._pages(request, None)

    def count(self, index: str, partition: tuple[str, str], most: int) -> int:
        """How many items one partition of an index has, not consistent, counted up to ``most``."""
        request: dict[str, Any] = {
            "TableName": self._name,
            "IndexName": index,
            "Select": "COUNT",
            "KeyConditionExpression": "#partition = :partition",
            "ExpressionAttributeNames": {"#partition": partition[0]},
            "ExpressionAttributeValues": {":partition": {"S": partition[1]}},
        }
        counted = 0
        while counted < most:
            with translated():
                answer = self._client.query(**request | {"Limit": most - counted})
            counted += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return counted

    def scan(self, condition: str, values: Mapping[str, Any]) -> Iterator[Attributes]:
        """Every item that fulfils a condition, consistently, in no order. It reads the whole table."""
        request: dict[str, Any] = {
            "TableName": self._name,
            "FilterExpression": condition,
            "ExpressionAttributeValues": dict(values),
            "ConsistentRead": True,
        }
        while True:
            with translated():
                answer = self._client.scan(**request)
            yield from (dict(item) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _pages(self, request: dict[str, Any], limit: int | None) -> Iterator[Attributes]:
        left = limit
        while left is None or left > 0:
            if left is not None:
                request["Limit"] = left
            with translated():
                answer = self._client.query(**request)
            for item in answer["Items"]:
                yield dict(item)
            left = None if left is None else left - len(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # --- writes

    def put(self, put: Put) -> Refused | None:
        """One put; None: it was written."""
        return self._conditional(lambda: self._client.put_item(**put.request(self._name)))

    def transact(self, puts: Sequence[Put], token: str) -> Refused | None:
        """Put all, or none. A call that is repeated with the same token within ten minutes takes effect once."""
        requests: Any = [{"Put": put.request(self._name)} for put in puts]
        return self._conditional(
            lambda: self._client.transact_write_items(TransactItems=requests, ClientRequestToken=token)
        )

    def update(
        self, key: Key, expression: str, condition: str, values: Mapping[str, Any] | None = None
    ) -> Refused | None:
        """One conditional update; None: it was written."""
        request: dict[str, Any] = {"ExpressionAttributeValues": dict(values)} if values else {}
        return self._conditional(
            lambda: self._client.update_item(
                TableName=self._name,
                Key=_key(key),
                UpdateExpression=expression,
                ConditionExpression=condition,
                **request,
            )
        )

    def add(self, key: Key, name: str, number: int, expires_at: float) -> int:
        """Add to a number of an item that may not be there yet; what it is then."""
        with translated():
            answer = self._client.update_item(
                TableName=self._name,
                Key=_key(key),
                UpdateExpression="ADD #name :number SET expires_at = :expires_at",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":number": {"N": str(number)}, ":expires_at": {"N": str(int(expires_at))}},
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"][name]["N"])

    def delete(self, key: Key, condition: str, values: Mapping[str, Any]) -> Refused | None:
        """One conditional deletion; None: it is gone."""
        return self._conditional(
            lambda: self._client.delete_item(
                TableName=self._name,
                Key=_key(key),
                ConditionExpression=condition,
                ExpressionAttributeValues=dict(values),
            )
        )

    def put_many(self, items: Collection[Attributes]) -> None:
        """Put without a condition, each item for itself.

        Raises:
            Throttled: DynamoDB left items unwritten, try after try.
        """
        self._batches([{"PutRequest": {"Item": item}} for item in {key_of(item): item for item in items}.values()])

    def delete_many(self, keys: Collection[Key]) -> None:
        """Delete without a condition; what is gone already is no error.

        Raises:
            Throttled: DynamoDB left items undeleted, try after try.
        """
        self._batches([{"DeleteRequest": {"Key": _key(key)}} for key in dict.fromkeys(keys)])

    def _batches(self, requests: Sequence[dict[str, Any]]) -> None:
        for some in _groups(requests, WRITE_AT_ONCE):
            left: list[Any] = list(some)
            for attempt in range(TRIES):
                with translated():
                    answer = self._client.batch_write_item(RequestItems={self._name: left})
                left = list(answer.get("UnprocessedItems", {}).get(self._name, []))
                if not left:
                    break
                self._pause(attempt)
            else:
                raise Throttled(f"DynamoDB left {len(left)} of {len(some)} items unwritten")

    def _conditional(self, call: Callable[[], object]) -> Refused | None:
        for attempt in range(TRIES):
            try:
                with translated(but=ClientError):
                    call()
            except ClientError as error:
                outcome = _refusal(error)
                if isinstance(outcome, Refused):
                    return outcome
                if not isinstance(outcome, RecordLocked) or attempt == TRIES - 1:
                    raise outcome from error
            else:
                return None
            self._pause(attempt)
        raise AssertionError

    def _pause(self, attempt: int) -> None:
        self._clock.sleep(random.uniform(0, FIRST_DELAY * 2**attempt))  # noqa: S311 -- jitter is no secret


def _refusal(error: ClientError) -> Refused | TwinledgerError:
    response: Any = error.response
    code = response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        return Refused((response.get("Item"),), (True,))
    reasons = response.get("CancellationReasons") or []
    failed = tuple(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)
    if any(failed):
        return Refused(tuple(reason.get("Item") or None for reason in reasons), failed)
    for reason in reasons:
        if reason.get("Code", "None") != "None":
            return of_code(reason["Code"])(f"{error.operation_name}: {reason['Code']}: {reason.get('Message', '')}")
    return classify(error)


def _key(key: Key) -> Attributes:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _groups(many: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    return (many[start : start + most] for start in range(0, len(many), most))
