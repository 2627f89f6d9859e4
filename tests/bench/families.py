"""Families of four generations, made on both sides at once, while readers look for a child without its parent.

An account, an account below it, a contact of that one, and a contact that reports to it: half of the families are made
in Salesforce, half in Postgres, both at once, the family whose next member is made drawn at random each time.
Salesforce's messages come shuffled, so that children are told of before their parents. Readers ask both sides all the
time whether a record stands there without the reference that it was made with. In the end every member is on both
sides, below the same parent. Everything runs on an emulator, a database and an org of its own.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias

import boto3
import psycopg

from chalicelib.core.model import Change, Hint, SalesforceId, Side
from chalicelib.core.settle import Settler
from chalicelib.core.work import Outcome
from chalicelib.jobs.settling import BatchIncomplete
from chalicelib.settings import Lane
from chalicelib.wiring import Wiring
from infra.local.postgres import Cluster
from tests.bench.figures import table
from tests.contract.live_bench import Org
from tests.integration.application.conftest import as_lambda_gets, environment, raised
from tests.integration.aws.stage import stage
from tests.integration.families.conftest import KEPT, Household, moved_in

GENERATIONS = 4
WORKERS = 3
SHUFFLED = 1000  # messages of Salesforce that come in any order
PAUSE_SECONDS = 0.1  # between two looks
PATIENCE_SECONDS = 3600.0
Application: TypeAlias = psycopg.Connection[tuple[Any, ...]]
ORPHANS_SQL = """
    SELECT 'account ' || name FROM account WHERE name LIKE '%.2' AND parent_id IS NULL
    UNION ALL SELECT 'contact ' || last_name FROM contact WHERE account_id IS NULL
    UNION ALL SELECT 'contact ' || last_name FROM contact WHERE last_name LIKE '%.4' AND reports_to_id IS NULL
"""
ORPHANS_SOQL = (
    "SELECT Name FROM Account WHERE Name LIKE '%25.2' AND ParentId = null",
    "SELECT LastName FROM Contact WHERE AccountId = null",
    "SELECT LastName FROM Contact WHERE LastName LIKE '%25.4' AND ReportsToId = null",
)
EVERYBODY_SQL = """
    SELECT c.name, c.sfid, p.sfid, NULL FROM account AS c LEFT JOIN account AS p ON p.id = c.parent_id
    UNION ALL
    SELECT c.last_name, c.sfid, a.sfid, r.sfid FROM contact AS c
    LEFT JOIN account AS a ON a.id = c.account_id LEFT JOIN contact AS r ON r.id = c.reports_to_id
"""


@dataclass
class Wave:
    """What was met.

    Attributes:
        families: how many.
        seconds: from the first record until everything was on both sides.
        made: seconds of these in which users still made records.
        results: outcomes of the settle step, by result.
        salesforce: API requests of the settle step.
        dynamodb: its calls of DynamoDB.
        looks: of the readers, by side.
        orphans: what they saw without a parent.
        unlike: members that are not on both sides, below the same parent, in the end.
    """

    families: int
    seconds: float = 0.0
    made: float = 0.0
    results: Counter[str] = field(default_factory=Counter)
    salesforce: int = 0
    dynamodb: "count[int]" = field(default_factory=count)
    looks: Counter[str] = field(default_factory=Counter)
    orphans: list[str] = field(default_factory=list)
    unlike: list[object] = field(default_factory=list)

    def __str__(self) -> str:
        records = self.families * GENERATIONS
        rows = [
            ["records, in families of four", str(records)],
            ["seconds until all of them were on both sides", f"{self.seconds:.1f}"],
            ["  in which users still made records", f"{self.made:.1f}"],
            ["records a second", f"{records / self.seconds:.1f}"],
            ["Salesforce calls a record", f"{self.salesforce / records:.2f}"],
            ["DynamoDB calls a record", f"{next(self.dynamodb) / records:.1f}"],
            ["messages settled a record", f"{self.results.total() / records:.2f}"],
            ["  of which were put off until a parent comes", f"{self.results['waiting'] / records:.2f}"],
            ["looks of the reader of Postgres", str(self.looks["postgres"])],
            ["looks of the reader of Salesforce", str(self.looks["salesforce"])],
            ["children seen without their parent", str(len(self.orphans))],
            ["members that differ in the end", str(len(self.unlike))],
        ]
        return table("Families of four generations, made on both sides at once", ["", "found"], rows)


@dataclass(frozen=True)
class _Counted:
    """The settle step, its outcomes counted."""

    settler: Settler
    results: Counter[str]

    def settle(self, hints: Sequence[Hint]) -> Sequence[Outcome]:
        """See the settle step."""
        outcomes = self.settler.settle(hints)
        self.results.update(outcome.result.value for outcome in outcomes)
        return outcomes


class _Worker(Wiring):
    """What runs in one function."""

    results: Counter[str]

    def settler(self) -> Any:
        """The settle step, counted."""
        return _Counted(super().settler(), self.results)


def run(families: int) -> str:
    """Measure, on an emulator, a database and an org of its own."""
    with (
        stage() as aws,
        Cluster() as cluster,
        raised(aws, cluster, KEPT, "bench.families") as world,
        moved_in(world) as home,
    ):
        return str(measure(home, families))


def measure(home: Household, families: int) -> Wave:
    """Make families, have them settled, and look at them all the while.

    Raises:
        TimeoutError: something was still on its way after an hour.
    """
    wave, stop = Wave(families), threading.Event()
    home.control("settings", queryPageSize=families * GENERATIONS)
    workers = _workers(home, wave)
    began = time.monotonic()
    with _connected(home) as app, ThreadPoolExecutor(WORKERS + 4) as pool:
        running = [pool.submit(_work, home, worker, stop) for worker in workers]
        running += [pool.submit(_look, look, wave, side, stop) for side, look in _readers(home, app).items()]
        try:
            users = [pool.submit(user, home, families) for user in (_in_salesforce, _in_postgres)]
            _all_done(users, running)
            wave.made = time.monotonic() - began
            while not _settled(home, families):
                _all_done([], running)
                if time.monotonic() - began > PATIENCE_SECONDS:
                    raise TimeoutError("families are still on their way")
                time.sleep(PAUSE_SECONDS)
            wave.seconds = time.monotonic() - began
        finally:
            stop.set()
    for one in running:
        one.result()
    wave.salesforce = sum(worker.client.calls for worker in workers)
    wave.unlike = sorted(_in_rows(home) ^ _in_records(home), key=str)
    return wave


def _all_done(awaited: Sequence[Future[None]], running: Sequence[Future[None]]) -> None:
    """Wait for some, and see that the others still run; what one of them raised is raised."""
    for one in awaited:
        one.result()
    for one in running:
        if one.done():
            one.result()


def _connected(home: Household) -> Application:
    """A connection of an application, to be closed."""
    return psycopg.connect(home.world.wiring.database_secret().dsn, autocommit=True)


# --- users


def _drawn(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Family and generation, of one family after the other, each time drawn at random among those not complete."""
    draw = random.Random(len(numbers))  # noqa: S311 - the same in every run
    order = [number for number in numbers for _ in range(GENERATIONS)]
    draw.shuffle(order)
    born: Counter[int] = Counter()
    for number in order:
        born[number] += 1
        yield number, born[number]


def _in_salesforce(home: Household, families: int) -> None:
    """Make every other family in Salesforce; its messages come shuffled."""
    draw, ids, untold = random.Random(families), dict[tuple[int, int], str](), list[Hint]()  # noqa: S311
    for number, generation in _drawn(range(0, families, 2)):
        name, above = f"{number}.{generation}", ids.get((number, generation - 1))
        if generation <= 2:
            made = home.make("Account", Name=name, ParentId=above)
        else:
            account, boss = ids[number, 2], above if generation == GENERATIONS else None
            made = home.make("Contact", LastName=name, AccountId=account, ReportsToId=boss)
        ids[number, generation] = made
        identity = SalesforceId("Account" if generation <= 2 else "Contact", made)
        untold.append(Hint(identity, Change.CREATED, f"made-{made}"))
        if len(untold) >= SHUFFLED:
            _tell(home, draw, untold)
    _tell(home, draw, untold)


def _tell(home: Household, draw: random.Random, hints: list[Hint]) -> None:
    draw.shuffle(hints)
    home.world.wiring.hints.send(hints)
    hints.clear()


def _in_postgres(home: Household, families: int) -> None:
    """Make the other families in Postgres, with a connection of their own."""
    keys: dict[tuple[int, int], Any] = {}
    with _connected(home) as app:
        for number, generation in _drawn(range(1, families, 2)):
            name, above = f"{number}.{generation}", keys.get((number, generation - 1))
            if generation <= 2:
                query = "INSERT INTO account (name, parent_id) VALUES (%s, %s) RETURNING id"
                values: tuple[Any, ...] = (name, above)
            else:
                query = "INSERT INTO contact (last_name, account_id, reports_to_id) VALUES (%s, %s, %s) RETURNING id"
                values = (name, keys[number, 2], above if generation == GENERATIONS else None)
            keys[number, generation] = (app.execute(query, values).fetchone() or (None,))[0]


# --- the sync


def _workers(home: Household, wave: Wave) -> list[_Worker]:
    """What runs in each function; their calls of DynamoDB are counted."""
    boto3.setup_default_session()
    session: Any = boto3.DEFAULT_SESSION

    def called(**_: Any) -> None:
        next(wave.dynamodb)  # the one way of counting that threads may share

    session.events.register("before-call.dynamodb", called)
    workers = [_Worker(environment(home.world.stage, KEPT[1])) for _ in range(WORKERS)]
    for worker in workers:  # clients are made one after the other: a session is not for several threads
        worker.results = wave.results
        for lane in Lane:
            worker.batch(lane)
    return workers


def _work(home: Household, worker: _Worker, stop: threading.Event) -> None:
    """Take messages of both queues, as Lambda does, until nothing more is to come."""
    sqs = home.world.stage.client("sqs")
    while not stop.is_set():
        for lane in Lane:
            url = home.world.queue_url(lane)
            found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
            messages = found.get("Messages", [])
            if not messages:
                stop.wait(PAUSE_SECONDS / 2)
                continue
            with suppress(BatchIncomplete):
                worker.batch(lane).work_off(worker.messages({"Records": [as_lambda_gets(one) for one in messages]}))
                entries = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
                sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    worker.connection.drop()


def _settled(home: Household, families: int) -> bool:
    """Whether every member is on both sides, and no message is on its way."""
    counts = home.run("SELECT count(*) AS n FROM account UNION ALL SELECT count(*) FROM contact")
    if [row["n"] for row in counts] != [families * 2, families * 2]:
        return False
    unlinked = home.run(
        "SELECT (SELECT count(*) FROM account WHERE sfid IS NULL) + (SELECT count(*) FROM contact WHERE sfid IS NULL)"
        " + (SELECT count(*) FROM twinledger.outbox) AS n"
    )
    return unlinked[0]["n"] == 0 and all(home.world.wiring.receipts(lane).waiting() == 0 for lane in Lane)


# --- readers


def _readers(home: Household, app: Application) -> dict[Side, Callable[[], list[str]]]:
    """What each reader sees without a parent at a look."""
    org = Org(home.world.org.url)
    org.alice = home.world.org.alice

    def in_postgres() -> list[str]:
        return [str(name) for (name,) in app.execute(ORPHANS_SQL).fetchall()]

    def in_salesforce() -> list[str]:
        answers = [org.user("GET", f"query?q={query.replace(' ', '+')}").json() for query in ORPHANS_SOQL]
        return [str(record) for answer in answers for record in answer["records"]]

    return {Side.POSTGRES: in_postgres, Side.SALESFORCE: in_salesforce}


def _look(look: Callable[[], list[str]], wave: Wave, side: Side, stop: threading.Event) -> None:
    while not stop.wait(PAUSE_SECONDS):
        wave.orphans += look()
        wave.looks[side.value] += 1


def _in_rows(home: Household) -> set[object]:
    """Everybody in Postgres: name, own id, and those of the parents."""
    return {tuple(row) for row in home.world.database.execute(EVERYBODY_SQL).fetchall()}


def _in_records(home: Household) -> set[object]:
    """The same in Salesforce."""
    found: set[object] = set()
    asked = {"Account": ("Name", "ParentId"), "Contact": ("LastName", "AccountId", "ReportsToId")}
    for object_name, names in asked.items():
        for sfid, one in home.records(object_name, *names).items():
            name, *parents = (one[field_name] for field_name in names)
            found.add((name, sfid, *(parents if len(parents) == 2 else [*parents, None])))
    return found
