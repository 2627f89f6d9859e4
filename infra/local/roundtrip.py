"""Prove the sync on the running stack: an edit on each side, and how long it takes to the other one."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import requests
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

API = "services/data/v66.0"
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.005
LINKED = "SELECT sfid, phone FROM public.contact WHERE sfid IS NOT NULL ORDER BY sfid LIMIT 50"


class RoundTripError(RuntimeError):
    """An edit did not arrive in time; the message says which."""


@dataclass(frozen=True)
class RoundTrip:
    """A user of both sides.

    Args:
        dsn: Postgres, as the application's role.
        org_url: The address of the simulated org.
        token: A session of the org's user.
    """

    dsn: str
    org_url: str
    token: str

    def wait_for_links(self, rows: Mapping[str, Sequence[str]]) -> None:
        """Wait until each of these rows is linked to a Salesforce record.

        Args:
            rows: Primary keys by table.

        Raises:
            RoundTripError: Some were not, in a minute.
        """
        count = sql.SQL("SELECT count(*) FROM public.{} WHERE sfid IS NULL AND id::text = ANY(%s)")
        with psycopg.connect(self.dsn, autocommit=True) as connection:

            def unlinked() -> int:
                found = (
                    connection.execute(count.format(sql.Identifier(table)), [list(keys)]).fetchone()
                    for table, keys in rows.items()
                )
                return sum(int(row[0]) for row in found if row)

            wait_until(
                lambda: unlinked() == 0, lambda: f"{unlinked()} rows of the sample did not reach Salesforce", 0.05
            )

    def contact(self) -> str | None:
        """The Salesforce id of a contact that is on both sides with the same phone; None where there is none.

        One whose phone is in dispute, or that was deleted on a side, would not show an edit on the other side.
        """
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            linked = connection.execute(LINKED).fetchall()
        return next((sfid for sfid, phone in linked if self._phone(sfid) == (phone,)), None)

    def to_salesforce(self, sfid: str) -> float:
        """Change a contact's phone in Postgres; the seconds from the commit until Salesforce shows it.

        Raises:
            RoundTripError: It did not arrive in a minute.
        """
        phone = _made_up_phone()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("UPDATE public.contact SET phone = %s WHERE sfid = %s", (phone, sfid))
        return wait_until(
            lambda: self._phone(sfid) == (phone,), lambda: f"the edit of contact {sfid} is not in Salesforce"
        )

    def to_postgres(self, sfid: str) -> float:
        """Change a contact's phone in Salesforce; the seconds from its answer until Postgres shows it.

        Raises:
            RoundTripError: It did not arrive in a minute.
        """
        phone = _made_up_phone()
        with psycopg.connect(self.dsn, autocommit=True) as connection:

            def arrived() -> bool:
                found = connection.execute("SELECT phone FROM public.contact WHERE sfid = %s", (sfid,)).fetchone()
                return found == (phone,)

            self._call("PATCH", f"sobjects/Contact/{sfid}", json={"Phone": phone})
            return wait_until(arrived, lambda: f"the edit of contact {sfid} is not in Postgres")

    def _phone(self, sfid: str) -> tuple[str | None] | None:
        """The phone in Salesforce; None where there is no such contact."""
        wanted = {"ids": [sfid], "fields": ["Phone"]}
        [record] = self._call("POST", "composite/sobjects/Contact", json=wanted).json()
        return None if record is None else (record["Phone"],)

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        return ask_org(self.org_url, self.token, method, path, **options)


def ask_org(url: str, token: str, method: str, path: str, **options: Any) -> requests.Response:
    """One call of the simulated org's REST API.

    Raises:
        RoundTripError: The org refused it.
    """
    answer = requests.request(
        method, f"{url}/{API}/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=10, **options
    )
    if not answer.ok:
        raise RoundTripError(f"the simulated org answered {answer.status_code} to {method} {path}: {answer.text}")
    return answer


def _made_up_phone() -> str:
    return f"+44 20 {uuid.uuid4().int % 10**8:08d}"


def wait_until(
    arrived: Callable[[], bool],
    complaint: Callable[[], str],
    pause: float = POLL_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> float:
    """Wait until `arrived()`; the seconds that it took.

    Raises:
        RoundTripError: It did not happen in `patience` seconds: `complaint()` says what did not.
    """
    began = time.monotonic()
    while not arrived():
        if time.monotonic() - began > patience:
            raise RoundTripError(f"{complaint()} after {patience:.0f} s")
        time.sleep(pause)
    return time.monotonic() - began
