"""The probe: what it finds in a good org, and in orgs that are not."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.catalog import SalesforceField
from chalicelib.core.mapping import Kind, ObjectMapping
from chalicelib.core.model import Record
from chalicelib.core.ports import RecordQuery, RecordWrite, Stale, WriteKind
from chalicelib.salesforce import conditional_writer
from chalicelib.salesforce.apex_writer import ApexRecords
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.finding import Finding, passed
from chalicelib.salesforce.probe import _key, _marker, probe
from chalicelib.salesforce.reader import Reader, SeenRecord
from tests.contract.live_bench import CONSUMER_KEY, USERNAME, Org, SystemClock
from tests.contract.record_bench import ACCOUNT, CONTACT, mapping


class OrgClock(SystemClock):
    """Sleeps by moving the org's clock."""

    def __init__(self, org: Org) -> None:
        self.org, self.offset = org, 0.0

    def sleep(self, seconds: float) -> None:
        """Let the org's time pass."""
        self.offset += seconds
        self.org.control("POST", "settings", {"clockOffsetSeconds": self.offset})


@pytest.fixture
def prober(org: Org) -> Client:
    """A client whose pauses cost nothing."""
    return Client(org.connection(), OrgClock(org))


def run(client: Client, *mappings: ObjectMapping, apex: bool = True) -> dict[str, Finding]:
    """The findings by name; each is there once."""
    found = probe(client, list(mappings), apex=apex)
    by_name = {finding.name: finding for finding in found}
    assert len(by_name) == len(found)
    assert all(finding.detail for finding in found)
    assert all(bool(finding.remedy) is not finding.ok for finding in found)
    return by_name


def failed(found: dict[str, Finding]) -> set[str]:
    """The names of what does not hold."""
    return {name for name, finding in found.items() if not finding.ok}


def permissions(org: Org, **spec: Any) -> None:
    """Change what the integration user may do."""
    org.control("POST", "users", {"name": "integration", "username": USERNAME, "readOnly": [], **spec})


def alive(org: Org, object_name: str = "Account") -> int:
    """How many records are alive."""
    return int(org.user("GET", f"query?q=SELECT+Id+FROM+{object_name}").json()["totalSize"])


@pytest.mark.parametrize("apex", [True, False])
def test_a_good_org_passes_and_nothing_stays(org: Org, prober: Client, *, apex: bool) -> None:
    """Everything is tried, everything holds, and no record of the probe is alive afterwards."""
    found = run(prober, ACCOUNT, CONTACT, apex=apex)
    assert set() == failed(found)
    assert passed(found.values())
    assert alive(org) == 0
    assert ("Apex class" in found) is apex
    assert ("Apex compare and set" in found) is apex


def test_what_is_not_documented_is_told(org: Org, prober: Client) -> None:
    """Either answer is good, and the finding says which it was."""
    found = run(prober, ACCOUNT)
    assert found["spaces around a text"].detail == "are cut off"
    assert found["digits beyond a number's scale"].detail == "are kept"
    assert found["stamp of a delete"].detail == "moves"
    assert found["key of a record in the bin"].detail == "may be taken again; the undelete is then refused"


def test_an_org_that_does_otherwise_passes_too(org: Org, prober: Client) -> None:
    """Spaces that stay, a bin that keeps keys, automation in the save, deletions that leave the stamp."""
    org.control("POST", "settings", {"trimText": False, "binBlocksUnique": True, "deleteMovesStamp": False})
    for name, action in (("Name", "upper"), ("AnnualRevenue", "round")):
        org.control("POST", "automation", {"object": "Account", "when": "update", "set": name, "action": action})
    found = run(prober, ACCOUNT)
    assert set() == failed(found)
    assert found["state after automation"].detail == "automation changed the text, and that is seen"
    assert found["spaces around a text"].detail == "are changed otherwise"
    assert found["digits beyond a number's scale"].detail.startswith("become")
    assert found["key of a record in the bin"].detail == "is still taken"


def test_kept_spaces(org: Org, prober: Client) -> None:
    """A text that is stored as it was sent."""
    org.control("POST", "settings", {"trimText": False})
    assert run(prober, ACCOUNT)["spaces around a text"].detail == "are kept"


def test_hidden_and_fixed_fields_are_named(org: Org, prober: Client) -> None:
    """Fields that cannot be read or written, each with the remedy."""
    permissions(org, hidden=["Account.Phone"], readOnly=["Account.Website"])
    found = run(prober, ACCOUNT)
    assert {"fields of Account", "writable fields of Account"} == failed(found)
    assert found["fields of Account"].detail == "cannot be read: Phone"
    assert found["writable fields of Account"].detail == "cannot be written: Website"
    assert "permission set" in found["writable fields of Account"].remedy


def test_missing_key_and_marker_stop_everything(org: Org, prober: Client) -> None:
    """Without the two fields no record can be tried."""
    permissions(org, hidden=["*.Twinledger_Key__c", "*.Twinledger_Op__c"])
    found = run(prober, ACCOUNT)
    assert {"Twinledger_Key__c of Account", "Twinledger_Op__c of Account", "records"} == failed(found)


def test_unknown_objects_are_named(org: Org, prober: Client) -> None:
    """The other findings are there all the same."""
    found = run(prober, mapping("nowhere", "Nowhere__c", {"Name": Kind.TEXT}))
    assert {"fields of Nowhere__c"} == failed(found)
    assert "Nowhere__c" in found["fields of Nowhere__c"].detail
    assert found["delete"].ok


def test_records_are_made_of_an_object_that_takes_a_text_alone(org: Org, prober: Client) -> None:
    """A contact needs a last name and nothing else; an opportunity needs more, so that an account is made instead."""
    assert "Contact" in run(prober, CONTACT)["probe records"].detail
    opportunity = mapping("opportunity", "Opportunity", {"Name": Kind.TEXT})
    assert "Account" in run(prober, opportunity, apex=False)["probe records"].detail


def test_an_object_without_a_number(org: Org, prober: Client) -> None:
    """What cannot be tried is said."""
    org.control("POST", "objects", {"name": "Note__c", "fields": {}})
    found = run(prober, mapping("note", "Note__c", {"Name": Kind.TEXT}))
    assert "Note__c has no number" in found["digits beyond a number's scale"].detail
    assert set() == failed(found)


def test_a_refused_sign_in_is_a_finding(org: Org) -> None:
    """Nothing is raised; every finding says what is wrong."""
    connection = org.connection()
    org.control("POST", "apps", {"consumerKey": CONSUMER_KEY, "consumerSecret": "none"})
    found = run(Client(connection, SystemClock()), ACCOUNT)
    assert {"sign-in", "Apex class", "fields of Account", "records"} == set(found) == failed(found)


def test_an_org_that_ignores_the_precondition_does_not_pass(
    org: Org, prober: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale write that lands ends the probe, and its record is cleaned away."""
    patch = conditional_writer._patch

    def unconditional(url: str, body: Any, seen: Record) -> dict[str, Any]:
        made = patch(url, body, seen)
        del made["httpHeaders"]["If-Unmodified-Since"]
        return made

    monkeypatch.setattr(conditional_writer, "_patch", unconditional)
    found = run(prober, ACCOUNT)
    assert {"precondition in Composite"} == failed(found)
    assert "not refused: it was written" in found["precondition in Composite"].detail
    assert alive(org) == 0


def test_a_class_that_compares_nothing_does_not_pass(org: Org, prober: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for the Apex class."""
    built = ApexRecords._operation

    def blind(self: ApexRecords, write: RecordWrite) -> dict[str, Any]:
        operation = built(self, write)
        if write.expected is not None:
            now = self.reader.read([RecordQuery(write.mapping, write.expected.id)])[0]
            assert now is not None
            fresh = built(self, RecordWrite(write.mapping, write.kind, write.key, write.operation, now, write.values))
            operation["expected"] = fresh["expected"]
        return operation

    monkeypatch.setattr(ApexRecords, "_operation", blind)
    assert {"Apex compare and set"} == failed(run(prober, ACCOUNT))
    assert alive(org) == 0


def test_an_org_that_takes_a_key_twice_does_not_pass(org: Org, prober: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is not unique would make twins."""
    requests = conditional_writer.ConditionalRecords._requests

    def without_key(self: Any, place: int, write: RecordWrite) -> list[dict[str, Any]]:
        made = requests(self, place, write)
        made[0]["body"].pop("Twinledger_Key__c", None)
        return made

    monkeypatch.setattr(conditional_writer.ConditionalRecords, "_requests", without_key)
    found = run(prober, ACCOUNT, apex=False)
    assert {"unique key"} == failed(found)
    assert alive(org) == 0


def test_a_look_that_misses_automation_does_not_pass(org: Org, prober: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that changes between the write's look and the next read is a finding; the rest is tried all the same."""
    build = Reader.build
    looks = []

    def built(self: Reader, of: ObjectMapping, body: Any, asked_at: float | None) -> SeenRecord:
        record = build(self, of, body, asked_at)
        looks.append(record)
        if record.values["Name"] == "Twinledger probe 2" and len(looks) % 2 == 0:
            return replace(record, values={**record.values, "Name": "Twinledger probe 3"})
        return record

    monkeypatch.setattr(Reader, "build", built)
    found = run(prober, ACCOUNT, apex=False)
    assert {"state after automation"} == failed(found)
    assert found["delete"].ok


def test_a_class_that_ignores_the_marker_does_not_pass(
    org: Org, prober: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late request of an abandoned operation would land."""
    built = ApexRecords._operation

    def blind(self: ApexRecords, write: RecordWrite) -> dict[str, Any]:
        operation = built(self, write)
        if write.expected is not None and write.expected.marker == "another":
            now = self.reader.read([RecordQuery(write.mapping, write.expected.id)])[0]
            assert now is not None
            operation["expected"]["marker"] = now.marker
        return operation

    monkeypatch.setattr(ApexRecords, "_operation", blind)
    assert {"Apex marker"} == failed(run(prober, ACCOUNT))
    assert alive(org) == 0


def test_an_org_that_forgets_the_author_does_not_pass(
    org: Org, prober: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without author and marker nothing can be told apart from a user's edit."""
    build = Reader.build
    monkeypatch.setattr(Reader, "build", lambda *given: replace(build(*given), ours=False))
    assert {"create"} == failed(run(prober, ACCOUNT, apex=False))


def test_a_record_that_is_not_found_again_does_not_pass(
    org: Org, prober: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who cannot see what the sync has written cannot sync."""
    monkeypatch.setattr(Reader, "read", lambda self, wanted: [None] * len(wanted))
    found = run(prober, ACCOUNT, apex=False)
    assert {"precondition in Composite"} == failed(found)
    assert found["precondition in Composite"].detail == "the record is not found"


def test_an_undelete_beside_a_taken_key_must_fail(org: Org, prober: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two records with one key would be one record in the ledger."""
    written = ApexRecords.write

    def stale(self: ApexRecords, writes: list[RecordWrite]) -> Any:
        return [Stale()] if writes[0].kind is WriteKind.UNDELETE else written(self, writes)

    monkeypatch.setattr(ApexRecords, "write", stale)
    found = run(prober, ACCOUNT)
    assert {"key of a record in the bin"} == failed(found)
    assert "not refused" in found["key of a record in the bin"].detail
    assert alive(org) == 0


def test_a_record_that_cannot_be_deleted_is_named(org: Org, prober: Client) -> None:
    """What stays behind is said, with its id."""
    org.control(
        "POST", "faults", {"operation": "delete", "object": "Account", "errorCode": "DELETE_FAILED", "times": None}
    )
    found = run(prober, ACCOUNT, apex=False)
    assert {"delete", "probe records"} == failed(found)
    assert "could not delete 001" in found["probe records"].detail
    assert "by hand" in found["probe records"].remedy
    assert alive(org) == 1


FIELD = SalesforceField(
    name="Twinledger_Key__c",
    label="Twinledger Key",
    type="string",
    length=36,
    precision=0,
    scale=0,
    nillable=True,
    createable=True,
    updateable=True,
    calculated=False,
    auto_number=False,
    external_id=True,
    unique=True,
    restricted_picklist=False,
    reference_to=(),
)


def variants() -> Iterator[tuple[dict[str, Any], str]]:
    """Ways in which the key may be deployed wrongly."""
    yield {"external_id": False}, "is no external id"
    yield {"unique": False}, "is not unique"
    yield {"length": 35}, "holds 35 characters, not 36"
    yield {"createable": False}, "cannot be written"
    yield {"updateable": False}, "cannot be written"
    yield {"unique": False, "length": 18}, "is not unique, holds 18 characters, not 36"


@pytest.mark.parametrize(("wrong", "detail"), list(variants()))
def test_a_key_that_is_deployed_wrongly(wrong: dict[str, Any], detail: str) -> None:
    """What is wrong with it, in words."""
    found = _key("Account", replace(FIELD, **wrong))
    assert (False, detail) == (found.ok, found.detail)
    assert found.remedy


@pytest.mark.parametrize("wrong", [{"length": 18}, {"createable": False}, {"updateable": False}])
def test_a_marker_that_is_deployed_wrongly(wrong: dict[str, Any]) -> None:
    """Too short or not writable."""
    assert not _marker("Account", replace(FIELD, **wrong)).ok
    assert not _marker("Account", None).ok
    assert _marker("Account", FIELD).ok
