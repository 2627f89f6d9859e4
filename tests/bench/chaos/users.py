"""Users who go on where a server has died under them: what they were not answered may have landed or not."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import requests

from chalicelib.core.model import Side
from tests.bench.records import Pair
from tests.bench.soak.check import Written
from tests.bench.soak.edits import Edit, of_thread
from tests.bench.soak.observe import write
from tests.bench.stack import Refused, Stack

USERS = 3  # who edit at once, on each side; one more creates
CREATE_SECONDS = 2.0  # between two creations of a user
UNANSWERED = (psycopg.OperationalError, requests.RequestException)
INSERT = "INSERT INTO public.contact (last_name, email) VALUES (%s, %s)"


@dataclass(frozen=True, slots=True)
class Made:
    """A contact that a user created.

    Attributes:
        email: tells it from every other.
        side: where.
        answered: whether the user knows that it was.
    """

    email: str
    side: Side
    answered: bool


@dataclass
class Users:
    """All users of one run.

    Attributes:
        stack: where.
        found: the records.
        edits: what is to be done.
        seconds: for how long contacts are created.
        run: tells this run's contacts from an earlier one's.
        written: what was done, by edit and field.
        made: the created contacts.
        refused: edits that were answered with an error, and changed nothing.
    """

    stack: Stack
    found: Sequence[Pair]
    edits: list[Edit]
    seconds: float
    run: str
    written: list[Written] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def working(self) -> Iterator[list[Future[None]]]:
        """Start them all; the block is to go on until they are done.

        Raises:
            Exception: what one of them ended by.
        """
        with ThreadPoolExecutor(2 * (USERS + 1)) as pool:
            began = time.monotonic()
            tasks = [pool.submit(self._edit_all, side, thread, began) for side in Side for thread in range(USERS)]
            tasks += [pool.submit(self._create_all, side, began) for side in Side]
            yield tasks
        for task in tasks:
            task.result()

    @property
    def unanswered(self) -> int:
        """Fields whose edit was not answered."""
        return sum(not one.certain for one in self.written)

    def _edit_all(self, side: Side, thread: int, began: float) -> None:
        with _Hands(self.stack, side) as hands:
            for edit in of_thread(self.edits, thread, USERS, side):
                time.sleep(max(0.0, edit.at - (time.monotonic() - began)))
                self._edit(hands, edit)

    def _edit(self, hands: "_Hands", edit: Edit) -> None:
        pair, replaced, answered = self.found[edit.record], {}, True
        try:
            if edit.side is Side.POSTGRES:
                replaced = dict(write(hands.app, pair, edit.values))
            else:
                hands.org.edit(pair.sfid, edit.values)
        except Refused:
            with self._lock:
                self.refused += 1
            return
        except UNANSWERED:
            answered = False
            hands.renew()
        with self._lock:
            self.written += [
                Written(
                    edit.number, edit.side, edit.record, name, value, replaced.get(name), name in replaced, answered
                )
                for name, value in edit.values.items()
            ]

    def _create_all(self, side: Side, began: float) -> None:
        with _Hands(self.stack, side) as hands:
            number = 0
            while time.monotonic() - began < self.seconds:
                number += 1
                self._create(hands, side, f"{self.run}.{side}.{number}@new.example.com")
                time.sleep(CREATE_SECONDS)

    def _create(self, hands: "_Hands", side: Side, email: str) -> None:
        answered = True
        try:
            if side is Side.POSTGRES:
                hands.app.execute(INSERT, (f"New {email}", email))
            else:
                body = {"LastName": f"New {email}", "Email": email}
                hands.org.call("POST", "services/data/v66.0/sobjects/Contact", body)
        except Refused:
            return
        except UNANSWERED:
            answered = False
            hands.renew()
        with self._lock:
            self.made.append(Made(email, side, answered))


class _Hands:
    """One user's connections."""

    def __init__(self, stack: Stack, side: Side) -> None:
        self._stack = stack
        self._side = side
        self._app: psycopg.Connection[Any] | None = None
        self.org = stack.new_org()

    def __enter__(self) -> "_Hands":
        self.renew()
        return self

    def __exit__(self, *_: object) -> None:
        if self._app is not None:
            self._app.close()

    @property
    def app(self) -> psycopg.Connection[Any]:
        """The connection to Postgres."""
        if self._app is None:
            raise LookupError("a user of Salesforce has no connection to Postgres")
        return self._app

    def renew(self) -> None:
        """Connect again, as soon as that is possible."""
        self.org = self._stack.new_org()
        if self._app is not None:
            self._app.close()
        while self._side is Side.POSTGRES:
            try:
                self._app = self._stack.app()
            except psycopg.OperationalError:
                time.sleep(0.1)
            else:
                return
