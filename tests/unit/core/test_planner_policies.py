"""Who decides a conflict without a person: policies, the first contact's policy, one-way fields."""

import pytest

from chalicelib.core.ledger import Cause, IssueKind
from chalicelib.core.mapping import Policy
from chalicelib.core.model import Side
from chalicelib.core.plan import Conflict
from tests.unit.core.planning import MODIFIED, fields, planned, record, row, shown
from tests.unit.core.scene import account

POSTGRES, SALESFORCE = frozenset({Side.POSTGRES}), frozenset({Side.SALESFORCE})


# --- policies


@pytest.mark.parametrize(
    ("policy", "edited_at", "written"),
    [
        (Policy.SALESFORCE_WINS, {}, ({"Name": "Acme Inc"}, {})),
        (Policy.POSTGRES_WINS, {}, ({}, {"Name": "Acme Ltd"})),
        (Policy.NEWEST_WINS, {"Name": MODIFIED + 0.5}, ({}, {"Name": "Acme Ltd"})),
        (Policy.NEWEST_WINS, {"Name": MODIFIED - 0.5}, ({"Name": "Acme Inc"}, {})),
        (Policy.NEWEST_WINS, {"Name": float(MODIFIED)}, ({}, {"Name": "Acme Ltd"})),
    ],
    ids=["salesforce_wins", "postgres_wins", "newest is Postgres", "newest is Salesforce", "newest is a tie"],
)
def test_a_policy_decides_a_conflict(
    policy: Policy, edited_at: dict[str, float | None], written: tuple[object, object]
) -> None:
    """The winner's value goes to the other side; in a tie Postgres' time is the finer one."""
    mapping = account(units={"Name": {"policy": policy}})

    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"), mapping=mapping, edited_at=edited_at)

    assert (fields(plan), plan.causes["Name"], plan.moved_by_user) == (written, Cause.POLICY, {"Name"})


@pytest.mark.parametrize(
    ("policy", "decision"),
    [
        (Policy.SALESFORCE_WINS, "policy: Salesforce wins"),
        (Policy.POSTGRES_WINS, "policy: Postgres wins"),
    ],
)
def test_a_decided_conflict_is_told_with_both_values(policy: Policy, decision: str) -> None:
    """Whatever loses is kept, and the reason with it."""
    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"), mapping=account(policy=policy))

    assert plan.conflicts == [Conflict("Name", IssueKind.CONFLICT, ("Acme Ltd",), ("Acme Inc",), decision)]


def test_a_policy_that_settles_an_open_issue_closes_it() -> None:
    """The mapping has got another policy since: one issue, and its reason says why it is over."""
    plan = planned(
        row(Name="Acme Ltd"),
        record(Name="Acme Inc"),
        mapping=account(policy=Policy.POSTGRES_WINS),
        issues={"Name": shown(("Acme Ltd",), ("Acme Inc",))},
    )

    assert (plan.conflicts, plan.closed) == ([], {"Name": "policy: Postgres wins"})


def test_the_newest_of_two_edits_asks_for_the_time() -> None:
    """Nothing is planned before it is known when Postgres was edited."""
    mapping = account(units={"Name": {"policy": Policy.NEWEST_WINS}})

    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"), mapping=mapping)

    assert (plan.undated, plan.conflicts) == (["Name"], [])


def test_the_newest_of_two_edits_of_which_one_has_no_time() -> None:
    """A time that nobody knows decides nothing: a person does."""
    mapping = account(units={"Name": {"policy": Policy.NEWEST_WINS}})

    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"), mapping=mapping, edited_at={"Name": None})

    assert (plan.writes, [conflict.slot for conflict in plan.conflicts]) == (False, ["Name"])
    assert plan.undated == []


def test_an_edit_of_one_side_asks_for_no_time() -> None:
    """Only a conflict does."""
    plan = planned(row(Name="Acme Ltd"), record(), mapping=account(policy=Policy.NEWEST_WINS))

    assert (plan.undated, fields(plan)) == ([], ({}, {"Name": "Acme Ltd"}))


# --- first contact


def test_first_contact_of_equal_sides_writes_nothing() -> None:
    """What both hold becomes the base."""
    plan = planned(row(), record(), bases={})

    assert (plan.writes, plan.target["Name"], plan.conflicts) == (False, ("Acme",), [])


def test_first_contact_fills_what_is_empty() -> None:
    """Either side takes what only the other has."""
    plan = planned(row(Name=None), record(Phone=None), bases={})

    assert fields(plan) == ({"Name": "Acme"}, {"Phone": "1"})


@pytest.mark.parametrize(
    ("policy", "written"),
    [
        (Policy.HOLD, ({}, {})),
        (Policy.SALESFORCE_WINS, ({"Name": "Acme Inc"}, {})),
        (Policy.POSTGRES_WINS, ({}, {"Name": "Acme Ltd"})),
        (Policy.NEWEST_WINS, ({}, {"Name": "Acme Ltd"})),
    ],
)
def test_first_contact_of_different_values_has_a_policy_of_its_own(
    policy: Policy, written: tuple[object, object]
) -> None:
    """Two filled systems must not flood the issues; the units' own policies are for edits."""
    mapping = account(first_contact=policy, policy=Policy.SALESFORCE_WINS)
    edited = {"Name": MODIFIED + 1.0}

    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"), mapping=mapping, edited_at=edited, bases={})

    assert fields(plan) == written


# --- one way


def test_an_edit_against_a_one_way_field_stays() -> None:
    """A field that flows to Postgres only is never written in Salesforce, and never contested."""
    mapping = account(units={"Name": {"writable": POSTGRES}})

    plan = planned(row(Name="Acme Ltd"), record(), mapping=mapping)

    assert (plan.writes, plan.conflicts, "Name" in plan.target) == (False, [], False)


def test_a_one_way_field_is_carried_its_way() -> None:
    """As any other."""
    mapping = account(units={"Name": {"writable": SALESFORCE}})

    assert fields(planned(row(Name="Acme Ltd"), record(), mapping=mapping)) == ({}, {"Name": "Acme Ltd"})


@pytest.mark.parametrize(
    ("writable", "written"),
    [(POSTGRES, ({"Name": "Acme Inc"}, {})), (SALESFORCE, ({}, {"Name": "Acme Ltd"}))],
)
def test_the_source_of_a_one_way_field_wins(writable: frozenset[Side], written: tuple[object, object]) -> None:
    """Whatever the policy says: the other side's edit had nowhere to go."""
    mapping = account(units={"Name": {"writable": writable, "policy": Policy.HOLD}})

    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"), mapping=mapping)

    assert (fields(plan), [bool(conflict.decision) for conflict in plan.conflicts]) == (written, [True])
