"""make up after a process was killed: what goes on with its data, and what is said before anything is lost."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest
import requests

from infra.deployment.progress import Progress
from infra.local import services, stack
from infra.local.credentials import Credentials
from infra.local.processes import PidFile
from infra.local.recovery import complaint, prepare
from infra.local.roundtrip import ask_org
from infra.local.services import ServiceError, Services

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.layout import Layout


@pytest.fixture
def with_org(layout: Layout) -> Services:
    """A stack of which only the org runs."""
    made = Services(layout, Credentials())
    made.credentials.ports["emulator"] = 1
    made.start_org("bus")
    return made


@pytest.fixture
def started(with_org: Services) -> Services:
    """A stack of which Postgres and the org run, and nothing was deployed."""
    with_org.start_postgres()
    return with_org


def _kill(process: psutil.Process | None) -> None:
    assert process is not None
    process.kill()
    process.wait()


def _prepared(layout: Layout) -> tuple[Services, str]:
    out = io.StringIO()
    return prepare(layout, Progress(out=out)), out.getvalue()


def _contact(made: Services, method: str, path: str, body: Any = None) -> Any:
    return ask_org(made.org_url, made.credentials.salesforce_token, method, f"sobjects/Contact{path}", json=body).json()


def test_killed_servers_go_on(started: Services) -> None:
    """Postgres on its data and its port, the org with its records: nothing is deleted, and so it is said."""
    with psycopg.connect(started.cluster.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    record = _contact(started, "POST", "", {"LastName": "kept"})["id"]
    address = started.cluster.dsn
    _kill(psutil.Process(started.cluster.pid))
    _kill(PidFile(started.layout.pid("org")).process())

    again, said = _prepared(started.layout)
    assert "postgres is not running: make up starts it again on its data" in said
    assert "org is not running: make up starts it again with its records" in said
    again.start_postgres()
    again.start_org("bus")
    assert again.cluster.dsn == address
    assert again.org_url == started.org_url
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (7,)
    assert _contact(again, "GET", f"/{record}?fields=LastName")["LastName"] == "kept"


def test_a_lost_ledger_is_announced(started: Services) -> None:
    """A new emulator gets the application and its triggers again, and rows and records are to be linked again."""
    started.credentials.deployed = started.credentials.installed = "fingerprint"
    started.credentials.seeded = True
    started.credentials.save(started.layout.credentials)
    again, said = _prepared(started.layout)
    assert "emulator is not running: make up starts a new one. It held everything in memory" in said
    assert (again.credentials.deployed, again.credentials.installed, again.credentials.relinking) == ("", "", True)
    assert again.credentials.seeded
    assert again == Services(started.layout, Credentials.load(started.layout.credentials) or Credentials())


def test_nothing_is_said_where_everything_runs(started: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second make up changes nothing."""
    monkeypatch.setattr(Services, "running", lambda _self, _name: True)
    assert _prepared(started.layout) == (started, "")


@pytest.mark.parametrize("name", ["postgres", "org"])
def test_what_does_not_fit_any_more_is_deleted_with_a_word(started: Services, name: str) -> None:
    """Without rows, or without records, a ledger would take everything for deleted."""
    _kill(psutil.Process(started.cluster.pid) if name == "postgres" else PidFile(started.layout.pid("org")).process())
    gone = started.cluster.folder if name == "postgres" else started.journal.parent
    assert gone is not None
    (gone / ("data" if name == "postgres" else "journal")).rename(gone / "elsewhere")
    again, said = _prepared(started.layout)
    assert f"{name} is not running: its data are gone" in said
    assert "Deleting what is left" in said
    assert again.credentials.ports == {}
    assert not started.layout.state.exists()


def test_lost_passwords_are_announced(with_org: Services) -> None:
    """Nobody could open the database any more."""
    with_org.layout.credentials.write_text("{", encoding="ascii")
    again, said = _prepared(with_org.layout)
    assert "A stack is left here without its passwords" in said
    assert again.credentials.ports == {}


def test_a_silent_process_is_left_alone(with_org: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may only be slow, and its memory may be the only copy; its end is the user's decision."""
    monkeypatch.setattr(services, "START_SECONDS", 0.1)
    process = PidFile(with_org.layout.pid("org")).process()
    assert process is not None
    process.suspend()
    with pytest.raises(ServiceError, match=f"org is process {process.pid}, which does not answer.*kill {process.pid}"):
        _prepared(with_org.layout)
    process.resume()
    assert process.is_running()


def test_a_port_that_was_taken_meanwhile_is_named(with_org: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other parts know the old one, so no other is taken in its place."""
    monkeypatch.setattr(services, "PORT_SECONDS", 0.0)
    _kill(PidFile(with_org.layout.pid("org")).process())
    port = with_org.credentials.ports["org"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(ServiceError, match=f"port {port} of org is taken by another program"):
            with_org.start_org("bus")


def test_strays_of_a_killed_process_are_ended(started: Services) -> None:
    """What it had started, and nothing that still runs."""
    stray = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env=os.environ | started.marker, start_new_session=True
    )
    started.end_strays()
    assert stray.wait() == -signal.SIGTERM
    assert started.running("postgres")
    assert started.running("org")


@pytest.mark.usefixtures("no_emulator")
def test_commands_say_what_is_wrong_and_what_to_do(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """Before, after a failed start, and where a part has died."""
    assert complaint(layout) == "the stack is not up: run make up"
    stack.main(["up"])
    capsys.readouterr()
    said = complaint(layout).splitlines()
    assert said[0] == "the stack is not up yet: wait for make up, or run it again: it goes on with what is there"
    assert said[1].startswith("the last make up failed at 'AWS emulator': the AWS emulator did not start")
    assert said[1].endswith("; run make up again")
    assert said[2:] == [f"{name} is not running: make up starts it" for name in ("emulator", "org", "relay")]
    assert stack.main(["status"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "running on port" in lines[0]
    assert lines[-1].startswith("The last make up failed at 'AWS emulator'")


def test_manage_gives_the_reason(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """And exit status 2, where nothing was ever started."""
    home = layout.home / "elsewhere"
    code = (
        "import runpy, sys, pathlib; import infra.local.layout as found;"
        f"home = pathlib.Path({str(home)!r});"
        "found.Layout.__init__.__defaults__ = (home, found.ROOT);"
        "sys.argv = ['manage', 'issues']; runpy.run_module('infra.local.manage', run_name='__main__')"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=layout.source, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "the stack is not up: run make up\n")


def test_the_seed_is_written_once_and_only_it_is_waited_for(
    started: Services, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of the user's that Salesforce refuses keeps nobody waiting."""
    from infra.local import roundtrip
    from infra.local.application import Application

    application = Application(started)
    application.create_tables()
    with psycopg.connect(started.cluster.app_dsn) as connection:
        connection.execute("INSERT INTO public.contact (last_name) VALUES ('of the user')")
    rows = application.seed()
    assert {table: len(keys) for table, keys in rows.items()} == {"account": 10, "contact": 30}
    assert application.seed() == {}

    trip = roundtrip.RoundTrip(started.cluster.app_dsn, started.org_url, started.credentials.salesforce_token)
    wait: Callable[..., float] = roundtrip.wait_until
    monkeypatch.setattr(roundtrip, "wait_until", lambda *arguments: wait(*arguments, patience=0.0))
    with pytest.raises(roundtrip.RoundTripError, match="40 rows of the sample did not reach Salesforce"):
        trip.wait_for_links(rows)
    with psycopg.connect(started.cluster.app_dsn) as connection:
        connection.execute("UPDATE public.account SET sfid = 'A' || id")
        connection.execute("UPDATE public.contact SET sfid = left(id::text, 18) WHERE last_name <> 'of the user'")
    trip.wait_for_links(rows)


def test_the_proof_is_made_on_a_contact_that_is_not_in_dispute(started: Services) -> None:
    """One that is gone in Salesforce, or has another phone there, is passed over; None where there is no other."""
    from infra.local.application import Application
    from infra.local.roundtrip import RoundTrip

    Application(started).create_tables()
    trip = RoundTrip(started.cluster.app_dsn, started.org_url, started.credentials.salesforce_token)
    assert trip.contact() is None
    gone, other, same = (_contact(started, "POST", "", {"LastName": "x", "Phone": "1"})["id"] for _ in range(3))
    headers = {"Authorization": f"Bearer {started.credentials.salesforce_token}"}
    requests.delete(f"{started.org_url}/services/data/v66.0/sobjects/Contact/{gone}", headers=headers, timeout=10)
    with psycopg.connect(started.cluster.app_dsn) as connection:
        for sfid, phone in ((gone, "1"), (other, "2")):
            connection.execute("INSERT INTO contact (last_name, sfid, phone) VALUES ('x', %s, %s)", (sfid, phone))
    assert trip.contact() is None
    with psycopg.connect(started.cluster.app_dsn) as connection:
        connection.execute("INSERT INTO contact (last_name, sfid, phone) VALUES ('x', %s, '1')", (same,))
    assert trip.contact() == same
