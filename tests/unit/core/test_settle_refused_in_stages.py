"""A system that checks in stages refuses a write once for each stage, and not for ever."""

import pytest

from chalicelib.core.errors import Rejected, TwinledgerError
from chalicelib.core.ledger import IssueKind
from chalicelib.core.work import Result
from tests.fakes.records import Save
from tests.fakes.statements import Statement
from tests.unit.core.scene import Scene

TABLE = "public.account"


def by_field(save: Save) -> TwinledgerError | None:
    """The first stage names the field, as STRING_TOO_LONG does."""
    bad = save.after.get("Phone") == "bad"
    return Rejected("too long", code="STRING_TOO_LONG", fields=("Phone",)) if bad else None


def as_a_whole(save: Save) -> TwinledgerError | None:
    """The second stage names none, as a validation rule whose error stands at the top of the page."""
    return Rejected("no", code="FIELD_CUSTOM_VALIDATION_EXCEPTION") if save.after.get("Name") == "bad" else None


@pytest.mark.parametrize("rules", [[by_field, as_a_whole], [as_a_whole, by_field]])
def test_salesforce_refuses_in_stages(rules: list[object]) -> None:
    """Each distinct write is tried once, whichever stage comes first; one issue tells of both fields."""
    scene = Scene()
    pair = scene.linked(Name="a", Phone="1")
    scene.records.refusals.extend(rules)  # type: ignore[arg-type]
    scene.edit_postgres(pair, Name="bad", Phone="bad")

    told = {outcome.result for outcome in scene.drain()}

    assert {Result.PARKED} == told
    assert scene.wire.count("records.write") <= 3
    assert [(issue.kind, issue.slot) for issue in scene.open_issues()] == [(IssueKind.REJECTED, "*salesforce")]
    assert {"Name"} <= set(scene.open_issues()[0].fields)


def test_the_user_corrects_one_stage_after_the_other() -> None:
    """What is mended goes; the issue ends with the last of it."""
    scene = Scene()
    pair = scene.linked(Name="a", Phone="1")
    scene.records.refusals.extend([by_field, as_a_whole])
    scene.edit_postgres(pair, Name="bad", Phone="bad")
    scene.drain()

    scene.edit_postgres(pair, Name="good")
    scene.drain()
    assert [scene.both(pair, name) for name in ("Name", "Phone")] == [("good", "good"), ("bad", "1")]
    scene.edit_postgres(pair, Phone="2")
    scene.drain()

    assert scene.both(pair, "Phone") == ("2", "2")
    assert scene.open_issues() == []


def test_postgres_refuses_in_stages() -> None:
    """A constraint that names its column, and a trigger that names none."""

    def refusal(statement: Statement) -> TwinledgerError | None:
        after = statement.after or {}
        if after.get("Phone") == "bad":
            return Rejected("check constraint", code="23514", fields=("Phone",))
        return Rejected("trigger says no", code="P0001") if after.get("Name") == "bad" else None

    scene = Scene()
    pair = scene.linked(Name="a", Phone="1")
    scene.rows.refusals[TABLE] = [refusal]
    scene.edit_salesforce(pair, Name="bad", Phone="bad")

    told = {outcome.result for outcome in scene.drain()}

    assert ({Result.PARKED}, True) == (told, scene.wire.count("rows.write") <= 3)
