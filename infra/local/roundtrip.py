"""Prove the sync on the running stack: an edit on each side, and how long it takes to the other one."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

API = "services/data/v66.0"
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.005


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

    def wait_for_seed(self) -> None:
        """Wait until every row of the sample is linked to a Salesforce record.

        Raises:
            RoundTripError: Some rows were not, in a minute.
        """
        with psycopg.connect(self.dsn, autocommit=True) as connection:

            def unlinked() -> int:
                row = connection.execute(
                    "SELECT (SELECT count(*) FROM public.account WHERE sfid IS NULL)"
                    " + (SELECT count(*) FROM public.contact WHERE sfid IS NULL)"
                ).fetchone()
                return int(row[0]) if row else 0

            wait_until(
                lambda: unlinked() == 0, lambda: f"{unlinked()} rows of the sample did not reach Salesforce", 0.05
            )

    def to_salesforce(self) -> float:
        """Change a contact in Postgres; the seconds from the commit until Salesforce shows it.

        Raises:
            RoundTripError: It did not arrive in a minute.
        """
        phone = _made_up_phone()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            sfid = self._some_contact(connection)
            connection.execute("UPDATE public.contact SET phone = %s WHERE sfid = %s", (phone, sfid))
        return wait_until(
            lambda: self._phone(sfid) == phone, lambda: f"the edit of contact {sfid} is not in Salesforce"
        )

    def to_postgres(self) -> float:
        """Change a contact in Salesforce; the seconds from its answer until Postgres shows it.

        Raises:
            RoundTripError: It did not arrive in a minute.
        """
        phone = _made_up_phone()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            sfid = self._some_contact(connection)

            def arrived() -> bool:
                found = connection.execute("SELECT phone FROM public.contact WHERE sfid = %s", (sfid,)).fetchone()
                return found == (phone,)

            self._call("PATCH", f"sobjects/Contact/{sfid}", json={"Phone": phone})
            return wait_until(arrived, lambda: f"the edit of contact {sfid} is not in Postgres")

    def _some_contact(self, connection: psycopg.Connection[tuple[Any, ...]]) -> str:
        row = connection.execute(
            "SELECT sfid FROM public.contact WHERE sfid IS NOT NULL ORDER BY sfid LIMIT 1"
        ).fetchone()
        if row is None:
            raise RoundTripError("no contact is linked to a Salesforce record")
        return str(row[0])

    def _phone(self, sfid: str) -> str | None:
        answer = self._call("GET", f"sobjects/Contact/{sfid}?fields=Phone")
        return answer.json()["Phone"]  # type: ignore[no-any-return]

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


def wait_until(arrived: Callable[[], bool], complaint: Callable[[], str], pause: float = POLL_SECONDS) -> float:
    """Wait until `arrived()`; the seconds that it took.

    Raises:
        RoundTripError: It did not happen in a minute: `complaint()` says what did not.
    """
    began = time.monotonic()
    while not arrived():
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise RoundTripError(f"{complaint()} after {PATIENCE_SECONDS:.0f} s")
        time.sleep(pause)
    return time.monotonic() - began
