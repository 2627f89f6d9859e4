"""What is put together how, as far as no system has to answer for it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.conninfo import conninfo_to_dict

from chalicelib.aws import database_tokens
from chalicelib.aws.agenda import Due
from chalicelib.aws.queues import message_of
from chalicelib.aws.state import Installation, Probe
from chalicelib.cloud import INSTALLATION_AGE
from chalicelib.core.errors import ConfigurationError, Unavailable
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Change, Hint, RowId
from chalicelib.core.work import Outcome, Result
from chalicelib.jobs.settling import BatchIncomplete, Message
from chalicelib.salesforce.apex_writer import ApexRecords
from chalicelib.salesforce.auth import ClientCredentials, JwtBearer
from chalicelib.salesforce.conditional_writer import ConditionalRecords
from chalicelib.settings import DatabaseSecret, Lane
from chalicelib.wiring import MARGIN, Wiring
from tests.fakes.archive import MemoryArchive
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.fakes.ledger import MemoryLedger
from tests.fakes.sweeps import MemorySweeps
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import MAPPINGS, ORG
from tests.unit.test_settings import COMPLETE, SHARED, SIGNED


def certificate(ends: float) -> str:
    """A certificate as it is uploaded to an org, PEM, that ends at a time."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "twinledger")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(datetime.fromtimestamp(0, UTC)).not_valid_after(datetime.fromtimestamp(ends, UTC))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


class Secrets:
    """Secrets by name; each read is remembered."""

    def __init__(self, content: dict[str, dict[str, Any]]) -> None:
        self._content = content
        self.read_fresh: list[tuple[str, bool]] = []

    def read(self, name: str, *, fresh: bool = False) -> dict[str, Any]:
        """Read one."""
        self.read_fresh.append((name, fresh))
        return self._content[name]


class State:
    """The installation's items; each read is counted."""

    def __init__(self, installation: Installation | None = None, probe: Probe | None = None) -> None:
        self.stored = installation
        self._probe = probe
        self.reads = 0

    def installation(self) -> Installation | None:
        """Read it."""
        self.reads += 1
        return self.stored

    def probe(self, organization_id: str) -> Probe | None:
        """Read it."""
        assert organization_id == ORG
        return self._probe


INSTALLATION = Installation(MAPPINGS, "f", ORG, "005000000000001AAA", "database", 1.0)
PASSED = Probe(ORG, passed=True, at=1.0)


def wired(
    monkeypatch: pytest.MonkeyPatch,
    state: State | None = None,
    salesforce: dict[str, Any] = SHARED,
    **environment: str,
) -> Wiring:
    """A wiring whose secrets and state are in memory."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # one that other tests made remembers that they had no region
    wiring = Wiring({**COMPLETE, **environment}, FakeClock())
    secrets = Secrets({"salesforce": salesforce, "database": {"dsn": "host=127.0.0.1 port=9"}})
    wiring.__dict__ |= {"secrets": secrets, "state": state or State()}
    return wiring


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (SHARED, ClientCredentials("https://a.my.salesforce.com", "id", "secret")),
        (SIGNED, JwtBearer("https://login.salesforce.com", "id", "u", "pem")),
    ],
)
def test_the_secret_says_how_to_sign_in(
    monkeypatch: pytest.MonkeyPatch, secret: dict[str, Any], expected: ClientCredentials | JwtBearer
) -> None:
    """A client secret, or a user and a key."""
    connection = wired(monkeypatch, salesforce={**secret, "local_url": "http://127.0.0.1:9"}).client.connection
    assert (connection.credentials, connection.local_url) == (expected, "http://127.0.0.1:9")


def test_the_environment_says_who_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Apex class by default."""
    assert isinstance(wired(monkeypatch).bare_records(), ApexRecords)
    conditional = wired(monkeypatch, TWINLEDGER_SALESFORCE_WRITER="conditional")
    assert isinstance(conditional.bare_records(), ConditionalRecords)


def test_an_installation_is_looked_at_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not there is asked for every time: it may come any moment."""
    clock, state = FakeClock(), State()
    wiring = wired(monkeypatch, state)
    wiring.clock = clock
    assert (wiring.installation(), wiring.installation(), state.reads) == (None, None, 2)
    with pytest.raises(ConfigurationError, match=r"manage\.py install"):
        wiring.installed()
    state.stored = INSTALLATION
    assert (wiring.installed(), wiring.installed(), state.reads) == (INSTALLATION, INSTALLATION, 4)
    clock.advance(INSTALLATION_AGE + 1)
    wiring.installed()
    assert state.reads == 5


def test_a_settler_is_made_once_for_an_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one where the mappings were installed anew, or the credentials are to be read again."""
    wiring = wired(monkeypatch, State(INSTALLATION, PASSED))
    first = wiring.settler()
    assert wiring.settler() is first
    wiring.renew()
    assert wiring.settler() is not first


class Settled:
    """A settle step in the course of which something happens, and a queue."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens = happens
        self.hidden: dict[str, float] = {}

    def settle(self, hints: Sequence[Hint]) -> Sequence[Outcome]:
        """Settle nothing."""
        self._happens()
        return [Outcome(hint, Result.UNCHANGED) for hint in hints]

    def delete(self, receipts: Sequence[str]) -> None:
        """Nothing is to be deleted."""
        assert receipts == []

    def hide(self, receipts: Mapping[str, float]) -> None:
        """To come again."""
        self.hidden |= receipts


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        (INSTALLATION, INSTALLATION, False),
        (INSTALLATION, replace(INSTALLATION), False),  # installed again, and the same
        (INSTALLATION, replace(INSTALLATION, changing=True), True),
        (INSTALLATION, replace(INSTALLATION, mappings=Mappings(())), True),
        (INSTALLATION, None, True),
        (replace(INSTALLATION, changing=True), replace(INSTALLATION, changing=True), True),
        (replace(INSTALLATION, changing=True), INSTALLATION, True),
    ],
)
def test_a_message_is_done_where_the_installation_is_still_the_same(
    monkeypatch: pytest.MonkeyPatch, before: Installation, after: Installation | None, again: bool
) -> None:
    """Read after the work: it may have been changed in the course of it, or in the minute before."""
    state = State(before, PASSED)
    wiring = wired(monkeypatch, state)
    wiring.installation()
    settled = Settled(lambda: setattr(state, "stored", after))
    monkeypatch.setattr(wiring, "settler", lambda: settled)
    monkeypatch.setattr(wiring, "receipts", lambda _lane: settled)
    monkeypatch.setattr(wiring, "pauses", SimpleNamespace(all=dict))
    told = Hint(RowId("public.new", ("1",)), Change.CREATED, "h1")
    with pytest.raises(BatchIncomplete) if again else nullcontext():
        wiring.batch(Lane.POSTGRES).work_off([Message("m1", "r1", 1, message_of(told))])
    assert settled.hidden == ({"r1": 2.0} if again else {})
    assert wiring.installation() == after


def test_no_settler_for_an_org_that_was_not_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where something was installed by an older version."""
    with pytest.raises(ConfigurationError, match=r"manage\.py probe"):
        wired(monkeypatch, State(INSTALLATION)).settler()


def test_refused_credentials_are_read_again_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And only those of the two systems."""
    wiring = wired(monkeypatch)
    first = wiring.client, wiring.connection
    wiring.renew()
    assert wiring.client is not first[0]
    assert wiring.connection is not first[1]
    wiring.database_secret()
    assert wiring.secrets.read_fresh == [  # type: ignore[attr-defined]
        ("salesforce", False),
        ("salesforce", True),
        ("database", True),
    ]


def test_an_address_that_was_refused_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a relay that needs a connection after the password was changed; the next one knows it."""
    wiring = wired(monkeypatch)
    addresses = [wiring.database_address(refused) for refused in (False, True, False)]
    assert set(addresses) == {wiring.database_secret().dsn}
    read = wiring.secrets.read_fresh  # type: ignore[attr-defined]
    assert read[:3] == [("database", False), ("database", True), ("database", False)]


def test_a_token_stands_for_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one each time, signed for the user and the host of the address; the secret is read once."""
    tokens = iter(["first", "second"])
    monkeypatch.setattr(database_tokens, "token", lambda host, port, user: f"{next(tokens)}-{user}-{host}-{port}")
    wiring = wired(monkeypatch)
    secret = DatabaseSecret("postgresql://app@db.example.com/crm", iam=True)
    monkeypatch.setattr(type(wiring), "database_secret", lambda _self: secret)
    passwords = [conninfo_to_dict(wiring.database_address())["password"] for _ in range(2)]
    assert passwords == ["first-app-db.example.com-5432", "second-app-db.example.com-5432"]


@pytest.mark.parametrize(("relay", "installation"), [("process", INSTALLATION), ("lambda", None)])
def test_the_relay_function_rests(
    monkeypatch: pytest.MonkeyPatch, relay: str, installation: Installation | None
) -> None:
    """Where a process relays, or where there is nothing to relay yet."""
    wiring = wired(monkeypatch, State(installation), TWINLEDGER_RELAY=relay)
    wiring.run_relay(60.0)
    assert wiring.secrets.read_fresh == []  # type: ignore[attr-defined]


def test_the_sweep_rests_before_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to sweep."""
    state = State()
    wired(monkeypatch, state).run_sweep(30.0)
    assert state.reads == 1


class Agenda:
    """Hints for later that nobody can reach."""

    def due(self, now: float) -> Iterator[Due]:
        """Fail."""
        raise Unavailable("the agenda")


class Org:
    """An org that nobody can reach.

    Attributes:
        calls: how often it was tried.
    """

    def __init__(self) -> None:
        self.calls = 0

    def rest(self, *_: Any, **__: Any) -> None:
        """Fail."""
        self.calls += 1
        raise Unavailable("the org")


def sweeping(monkeypatch: pytest.MonkeyPatch) -> tuple[Wiring, Org]:
    """A wiring for sweeps, and its org."""
    wiring, org = wired(monkeypatch, State(INSTALLATION)), Org()
    archive = MemoryArchive(MemoryLedger())
    parts = {"agenda": Agenda(), "client": org, "sweeps": MemorySweeps(), "hints": MemoryHints(), "archive": archive}
    wiring.__dict__ |= parts | {"telemetry": MemoryTelemetry()}
    return wiring, org


def test_the_sweep_is_made_though_what_was_put_off_cannot_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither keeps the other back, and both failures are told."""
    wiring, org = sweeping(monkeypatch)
    with pytest.raises(Unavailable, match="the org") as caught:
        wiring.run_sweep(30.0)
    assert org.calls == 1
    assert str(caught.value.__context__) == "the agenda"


def test_the_state_of_things_is_told_though_the_sweep_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is when somebody looks at it."""
    wiring, _ = sweeping(monkeypatch)
    with pytest.raises(Unavailable):
        wiring.run_sweep(30.0)
    assert wiring.telemetry.gauges == {"IssuesOpen": 0, "IssuesNew": 0}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("content", "ends"), [(SIGNED, None), ({**SIGNED, "certificate": certificate(9e9)}, 9e9)])
def test_the_certificate_in_the_secret_says_when_it_ends(
    monkeypatch: pytest.MonkeyPatch, content: dict[str, Any], ends: float | None
) -> None:
    """A secret without it leaves that unknown."""
    assert wired(monkeypatch, salesforce=content).certificate_ends() == ends


def test_a_certificate_that_is_none_is_told_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Perhaps it is the private key."""
    wiring = wired(monkeypatch, salesforce={**SIGNED, "certificate": "SECRET TEXT"})
    with pytest.raises(ConfigurationError, match="no certificate") as caught:
        wiring.certificate_ends()
    assert "SECRET TEXT" not in str(caught.value)


def test_a_call_tells_what_it_asked_of_the_org(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failed one too; one that asked nothing, and made no client, tells nothing."""
    wiring = wired(monkeypatch)

    def fail() -> None:
        with wiring.observed("settle", None):
            wiring.client.calls += 2
            raise KeyError

    with wiring.observed("health", None):
        pass
    with pytest.raises(KeyError):
        fail()
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["SalesforceCalls"] == [2.0]


def test_a_sweep_for_which_there_is_no_time_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function keeps some of its time for its end; an event's just as the schedule's."""
    wiring, org = sweeping(monkeypatch)
    with pytest.raises(Unavailable, match="the agenda"):
        wiring.run_sweep(MARGIN)
    event = {
        "source": f"aws.partner/salesforce.com/{ORG}/0YL",
        "detail": {
            "payload": {
                "ChangeEventHeader": {
                    "entityName": "Account",
                    "changeType": "GAP_OVERFLOW",
                    "recordIds": ["000000000000000AAA"],
                }
            }
        },
    }
    wiring.change_events(MARGIN).take(event)
    assert org.calls == 0
    with pytest.raises(Unavailable, match="the org"):
        wiring.change_events(30.0).take(event)
    assert org.calls == 1


def test_every_variable_that_is_missing_is_told() -> None:
    """By whatever needs one of them first."""
    with pytest.raises(ConfigurationError, match="TWINLEDGER_LEDGER_TABLE"):
        Wiring({}).ledger  # noqa: B018 -- building it is the test
