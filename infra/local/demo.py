"""The story of Twinledger in the terminal, on the running stack: a merge, a conflict, a decision.

Everything is done as its people do it: the sales rep through Salesforce's REST API, the application by SQL, the
operator by the project's own code. Nothing is shown that was not read back.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from chalicelib.core.model import SalesforceId, Side
from chalicelib.wiring import Wiring
from infra.local.layout import Layout
from infra.local.recovery import complaint
from infra.local.roundtrip import RoundTripError, ask_org, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.ledger import Issue

COLUMNS = {"LastName": "last_name", "Email": "email", "Phone": "phone", "Title": "title"}


@dataclass(frozen=True)
class People:
    """Those who edit one contact: a sales rep in Salesforce, an application in Postgres, an operator of the sync.

    Args:
        stack: The content of the stack file.
    """

    stack: dict[str, Any]

    def salesforce(self, method: str, path: str, **options: Any) -> Any:
        """One call of the org's REST API; its JSON, or None.

        Raises:
            RoundTripError: The org refused it.
        """
        answer = ask_org(self.stack["salesforce_url"], self.stack["salesforce_token"], method, path, **options)
        return answer.json() if answer.content else None

    def postgres(self, statement: sql.Composed, *values: object) -> tuple[Any, ...] | None:
        """One statement of the application, in a transaction of its own; its first row, if any."""
        with psycopg.connect(self.stack["postgres_app_dsn"], autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchone() if cursor.description else None

    def in_salesforce(self, sfid: str) -> dict[str, str | None]:
        """What Salesforce holds of a contact."""
        record = self.salesforce("GET", f"sobjects/Contact/{sfid}?fields={','.join(COLUMNS)}")
        return {name: record[name] for name in COLUMNS}

    def in_postgres(self, sfid: str) -> dict[str, str | None] | None:
        """What Postgres holds of a contact; None while there is no row."""
        columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS.values()))
        row = self.postgres(sql.SQL("SELECT {} FROM public.contact WHERE sfid = %s").format(columns), sfid)
        return None if row is None else dict(zip(COLUMNS, row, strict=True))

    def at_once(self, sfid: str, in_salesforce: dict[str, str], in_postgres: dict[str, str]) -> None:
        """An edit on each side, of which neither knows the other, however busy the machine is.

        application          Postgres                        Salesforce
          |== UPDATE, open ==>|                                  |
          |                   |                                  |<== edit, committed == sales rep
          |                   |<~~ the sync waits for the row ~~~|
          |== COMMIT ========>|                                  |
        """
        columns = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(COLUMNS[name])) for name in in_postgres)
        statement = sql.SQL("UPDATE public.contact SET {} WHERE sfid = %s").format(columns)
        with psycopg.connect(self.stack["postgres_app_dsn"]) as connection:
            connection.execute(statement, [*in_postgres.values(), sfid])
            self.salesforce("PATCH", f"sobjects/Contact/{sfid}", json=in_salesforce)


def tell(stack: dict[str, Any]) -> None:
    """Tell the story.

    Raises:
        RoundTripError: Something did not happen in time; the message says what.
    """
    people, wiring = People(stack), Wiring()
    stamp = f"{time.time():.0f}"[-6:]
    wiring.archive.open_issues(limit=1)  # loads the client of AWS before anything is timed

    _title("1. A sales rep creates a contact in Salesforce")
    made = {
        "LastName": f"Lovelace {stamp}",
        "Email": f"ada{stamp}@example.com",
        "Phone": "+44 20 1111",
        "Title": "Analyst",
    }
    sfid = people.salesforce("POST", "sobjects/Contact", json=made)["id"]
    took = wait_until(lambda: people.in_postgres(sfid) == made, lambda: "the new contact is not in Postgres")
    _say(f"It is a row of public.contact {took * 1000:.0f} ms later.")
    _table(people, sfid)

    _title("2. Both sides edit it at once: the rep its title, the application its phone")
    people.at_once(sfid, {"Title": "Countess"}, {"Phone": "+44 20 2222"})
    merged = made | {"Title": "Countess", "Phone": "+44 20 2222"}
    took = wait_until(_both(people, sfid, merged), lambda: "the two edits did not merge")
    _say(f"Merged, {took * 1000:.0f} ms later: neither edit is lost. A last writer would have won, silently.")
    _table(people, sfid)

    _title("3. Both sides edit the same field at once: two e-mail addresses")
    mine, theirs = f"ada.sql{stamp}@example.com", f"ada.crm{stamp}@example.com"
    people.at_once(sfid, {"Email": theirs}, {"Email": mine})
    keys = list(wiring.ledger.find([SalesforceId("Contact", sfid)]).values())
    found: list[Issue] = []

    def opened() -> bool:
        found[:] = [issue for key in keys for issue in wiring.archive.issues_of(key) if issue.closed_at is None]
        return bool(found) and {found[0].postgres.get("Email"), found[0].salesforce.get("Email")} == {mine, theirs}

    took = wait_until(opened, lambda: "the conflict opened no issue")
    issue = found[0]
    _say(f"An issue {took * 1000:.0f} ms later. Both sides keep their value until a person decides:")
    _say(f"  {issue.kind} of {', '.join(issue.fields)}, issue {issue.id}")
    _say(f"  agreed before {issue.base.get('Email')}")
    _say(f"  Salesforce    {issue.salesforce.get('Email')}")
    _say(f"  Postgres      {issue.postgres.get('Email')}")
    _table(people, sfid)

    _title("4. An operator decides for Salesforce's")
    wiring.operators().take(issue.id, Side.SALESFORCE, "demo")
    took = wait_until(_both(people, sfid, merged | {"Email": theirs}), lambda: "the decision was not carried out")
    _say(f"Carried out, {took * 1000:.0f} ms later. The value that lost is in the history, and can be put back:")
    for past in wiring.archive.history(issue.key, 10):
        if "Email" in past.before and past.before["Email"] == mine:
            _say(f"  {past.side}: {past.before['Email']} -> {past.after['Email']} ({past.cause})")
    _table(people, sfid)


def _both(people: People, sfid: str, expected: dict[str, str]) -> Callable[[], bool]:
    return lambda: people.in_postgres(sfid) == expected == people.in_salesforce(sfid)


def _title(text: str) -> None:
    print(f"\n{text}")


def _say(text: str) -> None:
    print(f"   {text}", flush=True)


def _table(people: People, sfid: str) -> None:
    in_salesforce, in_postgres = people.in_salesforce(sfid), people.in_postgres(sfid) or {}
    _say(f"  {'':10}{'Salesforce':32}Postgres")
    for name, value in in_salesforce.items():
        differs = "" if value == in_postgres.get(name) else "   <- differ"
        _say(f"  {name:10}{value or '':32}{in_postgres.get(name) or ''}{differs}")


def main() -> int:
    """Tell the story on the stack that is up."""
    stack_file = Layout().stack_file
    if wrong := complaint(Layout()):
        print(wrong, file=sys.stderr)
        return 2
    try:
        stack = json.loads(stack_file.read_text())
        os.environ.update(stack["environment"])
        tell(stack)
    except RoundTripError as error:
        print(f"make demo failed: {error}; `make status` and `make logs` say more", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
