"""Change events, guards, health, the relay as a job."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.aws.state import Installation, Probe
from chalicelib.core.errors import ConfigurationError, RetryLater
from chalicelib.core.ledger import Entry
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Change, RowId, SalesforceId, Side
from chalicelib.core.ports import RecordQuery
from chalicelib.jobs import health
from chalicelib.jobs.braking import Brake, Limits
from chalicelib.jobs.bursts import Bursts
from chalicelib.jobs.change_events import ChangeEvents
from chalicelib.jobs.guards import BrakedRows, GuardedRecords, check_database, check_probed
from chalicelib.jobs.relaying import Truncations, beating, run_for, tell_status
from chalicelib.jobs.status import Finding
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ACCOUNT, ID, MAPPINGS, NAME, ORG, PHONE
from tests.unit.jobs.test_braking import Counts

# --- change events


def relayed(name: str = "Account", kind: str = "UPDATE", org: str = ORG) -> dict[str, Any]:
    """An event of Salesforce's Event Relay."""
    header = {
        "entityName": name,
        "changeType": kind,
        "recordIds": [ID],
        "transactionKey": "t",
        "sequenceNumber": 1,
        "commitTimestamp": 1_790_000_000_000,
        "commitUser": "005000000000001AAA",
    }
    return {
        "id": "e1",
        "source": f"aws.partner/salesforce.com/{org}/0YL000000000001AAA",
        "detail-type": f"{name}ChangeEvent",
        "detail": {"payload": {"ChangeEventHeader": header}},
    }


@dataclass
class Events:
    """The consumer in its world."""

    hints: MemoryHints = field(default_factory=MemoryHints)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    swept: list[str] = field(default_factory=list)
    mappings: Mappings = MAPPINGS

    def take(self, event: dict[str, Any], *, only_existence: bool = False) -> None:
        """Take one event."""

        def resync(objects: Iterable[str]) -> None:
            self.swept += objects

        ChangeEvents(
            mappings=self.mappings,
            renewed=lambda: MAPPINGS,
            organization_id=ORG,
            hints=self.hints,
            bursts=Bursts(FakeClock()),
            only_existence=only_existence,
            resync=resync,
            telemetry=self.telemetry,
        ).take(event)


def test_a_change_event_is_a_hint() -> None:
    """Of each record that it names."""
    events = Events()
    events.take(relayed(kind="GAP_DELETE"))
    assert [(one.identity, one.change) for one in events.hints.sent] == [(SalesforceId("Account", ID), Change.DELETED)]
    assert events.telemetry.counts == {"Received": 1}


@pytest.mark.parametrize(
    ("event", "count"),
    [
        (relayed("Lead"), "NotMapped"),
        (relayed(org="00D000000000002EAA"), "Refused"),
        ({"source": "aws.ec2"}, "Malformed"),
    ],
)
def test_an_event_that_is_not_for_us_is_let_go(event: dict[str, Any], count: str) -> None:
    """Counted, and never tried again."""
    events = Events()
    events.take(event)
    assert events.hints.sent == []
    assert events.telemetry.counts == {count: 1}


@pytest.mark.parametrize(
    ("kind", "expected"), [("CREATE", 0), ("UPDATE", 0), ("DELETE", 1), ("UNDELETE", 1), ("GAP_UPDATE", 1)]
)
def test_beside_outbound_messages_only_what_they_do_not_tell_is_taken(kind: str, expected: int) -> None:
    """Deletions, undeletions, and changes that went past the application."""
    events = Events()
    events.take(relayed(kind=kind), only_existence=True)
    assert len(events.hints.sent) == expected
    assert events.telemetry.counts["NotMapped"] == 0


def test_an_overflow_has_the_object_swept() -> None:
    """An unknown number of records changed; an object that is not mapped is none of ours."""
    events = Events()
    events.take(relayed(kind="GAP_OVERFLOW"))
    events.take(relayed("Lead", kind="GAP_OVERFLOW"))
    assert events.swept == ["Account"]


def test_an_event_of_an_object_that_was_mapped_a_moment_ago_is_taken() -> None:
    """Nothing passes for not mapped before the mappings were read again."""
    events = Events(mappings=Mappings(()))
    events.take(relayed())
    events.take(relayed(kind="GAP_OVERFLOW"))
    assert ([one.identity for one in events.hints.sent], events.swept) == ([SalesforceId("Account", ID)], ["Account"])
    assert events.telemetry.counts["NotMapped"] == 0


def test_an_event_that_was_not_accepted_comes_again() -> None:
    """EventBridge tries for a day."""
    with pytest.raises(RetryLater):
        Events(MemoryHints(room=0)).take(relayed())


# --- guards


class Port:
    """Both sides, with nothing in them."""

    needs_closed_second = True

    def __init__(self) -> None:
        self.calls: list[str] = []

    def read(self, wanted: object) -> list[Any]:
        """Read nothing."""
        self.calls.append("read")
        return []

    def match(self, mapping: object, wanted: object) -> list[Any]:
        """Find nothing."""
        self.calls.append("match")
        return []

    def write(self, writes: object) -> list[Any]:
        """Write nothing."""
        self.calls.append("write")
        return []

    def edited_at(self, mapping: object, pk: object, fields: object) -> float:
        """Some time."""
        self.calls.append("edited_at")
        return 5.0


BRAKE = Brake(Counts(), Limits(), FakeClock(), MemoryTelemetry())


def test_the_right_systems_are_used_after_one_question() -> None:
    """Each container asks once."""
    port, asked = Port(), []

    def found() -> str:
        asked.append(1)
        return "x"

    records = GuardedRecords(port, "x", found, BRAKE)
    rows = BrakedRows(port, BRAKE)
    assert records.needs_closed_second
    assert (records.read([]), records.write([]), rows.read([]), rows.write([])) == ([], [], [], [])
    assert (records.match(ACCOUNT, []), rows.match(ACCOUNT, [])) == ([], [])
    assert rows.edited_at(ACCOUNT, ("1",), ["Name"]) == 5.0
    assert len(asked) == 1
    assert port.calls == ["read", "write", "read", "write", "match", "match", "edited_at"]


def test_other_systems_are_neither_read_nor_written() -> None:
    """A refreshed sandbox or a restored database is for a person to decide."""
    port = Port()
    records = GuardedRecords(port, "org", lambda: "other", BRAKE)
    for call in (
        lambda: records.read([RecordQuery(ACCOUNT, ID)]),
        lambda: records.write([]),
        lambda: records.match(ACCOUNT, []),
        lambda: check_database("database", "other"),
    ):
        with pytest.raises(ConfigurationError, match="other"):
            call()
    assert port.calls == []


one_way = replace(
    ACCOUNT,
    creates=frozenset({Side.POSTGRES}),
    fields=tuple(replace(one, writable=frozenset({Side.POSTGRES})) for one in (NAME, PHONE)),
)


@pytest.mark.parametrize(
    ("probe", "reason"), [(None, "has not been probed"), (Probe(ORG, passed=False, at=1.0), "did not pass")]
)
def test_two_way_needs_a_probe(probe: Probe | None, reason: str) -> None:
    """The error names the mapping and the remedy; one way needs none."""
    with pytest.raises(ConfigurationError, match=f"{reason}.*account.*manage.py probe"):
        check_probed(MAPPINGS, ORG, probe)
    check_probed(Mappings((one_way,)), ORG, probe)
    check_probed(MAPPINGS, ORG, Probe(ORG, passed=True, at=1.0))


def test_one_field_makes_a_mapping_two_way() -> None:
    """A mapping to Postgres with one field to Salesforce writes on both sides."""
    mixed = replace(one_way, fields=(one_way.fields[0], replace(PHONE, writable=frozenset({Side.SALESFORCE}))))
    with pytest.raises(ConfigurationError):
        check_probed(Mappings((mixed,)), ORG, None)


# --- health


def test_a_monitor_is_told_that_the_deployment_answers() -> None:
    """Nothing behind it is asked."""
    assert health.alive("dev") == health.Report(200, {"status": "ok", "stage": "dev"})


def test_a_deep_look_names_what_is_unwell() -> None:
    """Each part is well, or says what is wrong with it."""
    findings = [Finding("postgres", ok=False, text="no answer"), Finding("queues", ok=True, text="none")]
    parts = {"postgres": "no answer", "queues": "ok"}
    assert health.deep("dev", findings) == health.Report(503, {"status": "unwell", "stage": "dev", "parts": parts})
    assert health.deep("dev", findings[1:]).status == 200


# --- the relay


class Runner:
    """A relay that runs until it is stopped, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.stopped = False

    def run(self, stop: threading.Event) -> None:
        """Run."""
        if self._error is not None:
            raise self._error
        self.stopped = stop.wait(10)


def test_a_relay_in_a_function_stops_in_time() -> None:
    """And leaves no timer behind when it fails."""
    runner = Runner()
    run_for(runner, 0.01)
    assert runner.stopped
    before = threading.active_count()
    with pytest.raises(ConfigurationError):
        run_for(Runner(ConfigurationError("no")), 100.0)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.001)
    assert threading.active_count() == before


@dataclass(frozen=True)
class Status:
    """How a relay does."""

    leader: bool
    depth: int = 7
    lag: float = 0.5


def test_only_the_leader_tells_of_the_outbox() -> None:
    """A stand-by knows nothing of it."""
    telemetry = MemoryTelemetry()
    tell: Callable[[Status], None] = tell_status(telemetry, FakeClock())
    tell(Status(leader=False))
    assert (telemetry.gauges, telemetry.measured) == ({}, {})
    tell(Status(leader=True))
    assert (telemetry.gauges, telemetry.measured) == ({"OutboxDepth": 7}, {"RelayLag": [0.5]})


def test_the_relay_s_numbers_go_out_once_a_minute() -> None:
    """A process has no end of a call at which they would."""
    clock, telemetry = FakeClock(), MemoryTelemetry()
    tell = tell_status(telemetry, clock)
    flushes = []
    for _ in range(30):
        clock.advance(5.0)
        tell(Status(leader=True))
        flushes.append(telemetry.flushes)
    assert (flushes[10], flushes[11], flushes[22], flushes[23], flushes[29]) == (0, 1, 1, 2, 2)


def test_a_relay_s_file_changes_as_long_as_it_tells_of_itself(tmp_path: Path) -> None:
    """As leader and as stand-by; what it tells goes on."""
    file, told = tmp_path / "alive", list[Status]()
    beat: Callable[[Status], None] = beating(told.append, file)
    assert not file.exists()
    for status in (Status(leader=False), Status(leader=True)):
        file.unlink(missing_ok=True)
        beat(status)
        assert file.exists()
    assert [each.leader for each in told] == [False, True]


INSTALLATION = Installation(MAPPINGS, "f", ORG, "005000000000001AAA", "database", 1.0)


class Entries:
    """The ledger's entries."""

    def __init__(self, count: int) -> None:
        self._count = count

    def entries_of(self, mapping: str) -> Iterator[Entry]:
        """All of them, one without a row."""
        assert mapping == "account"
        yield Entry("none", mapping, sfid=ID)
        yield from (Entry(str(n), mapping, pk=(str(n),), sfid=f"{n:018d}") for n in range(self._count))


def test_a_truncated_table_s_records_are_hinted_at() -> None:
    """All that the ledger knows, and once each: a truncated table again is news again."""
    hints, clock = MemoryHints(), FakeClock()
    truncated = Truncations(lambda: INSTALLATION, Entries(150), hints, clock)
    truncated("public.account")
    assert [one.identity for one in hints.sent] == [RowId("public.account", (str(n),)) for n in range(150)]
    assert {one.change for one in hints.sent} == {Change.DELETED}
    first = hints.take()
    truncated("public.account")
    assert {one.hint_id for one in first}.isdisjoint(one.hint_id for one in hints.sent)


def test_a_table_that_is_not_mapped_may_be_truncated() -> None:
    """Its triggers may outlive its mapping by a moment; or come before it: then the truncation is told again."""
    hints = MemoryHints()
    Truncations(lambda: INSTALLATION, Entries(1), hints, FakeClock())("public.other")
    changing = Truncations(lambda: replace(INSTALLATION, changing=True), Entries(1), hints, FakeClock())
    with pytest.raises(RetryLater, match=r"public\.other"):
        changing("public.other")
    assert hints.sent == []
    changing("public.account")
    assert len(hints.sent) == 1
