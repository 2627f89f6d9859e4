"""The plan of a record for which a person has decided something."""

from dataclasses import replace

from chalicelib.core.ledger import Base, BaseState, Cause, Entry, Intent, IssueKind
from chalicelib.core.mapping import Policy
from chalicelib.core.model import Side, condense
from chalicelib.core.plan import Conflict
from tests.unit.core.planning import BASES, answer, base_without, fields, planned, record, row, shown
from tests.unit.core.scene import account

OURS, THEIRS, DECIDED = ("Acme Ltd",), ("Acme Inc",), ("Acme Co",)
OPEN = {"Name": shown(OURS, THEIRS)}
GIVEN = {"Name": answer(DECIDED, OURS, THEIRS)}
HALF = {**BASES, "Name": Base(DECIDED, DECIDED, THEIRS, BaseState.HALF)}
CONTESTED = {**BASES, "Name": Base(None, None, None, BaseState.CONTESTED)}
INTERRUPTED = Intent(
    "op",
    {"Name": DECIDED},
    frozenset({"Name"}),
    frozenset({"Name"}),
    {"Name": OURS},
    {"Name": THEIRS},
    None,
    True,
    0.0,
    answers=frozenset({"answer"}),
)


def test_an_answer_is_written_on_both_sides() -> None:
    """Both are still as they were shown: the person's value replaces them and closes the issue."""
    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"), issues=OPEN, answers=GIVEN)

    assert fields(plan) == ({"Name": "Acme Co"}, {"Name": "Acme Co"})
    assert (plan.answers, plan.causes["Name"], plan.conflicts) == ({"answer"}, Cause.ANSWER, [])
    assert (plan.closed, plan.moved_by_user) == ({"Name": "a person decided: operator"}, {"Name"})


def test_an_answer_that_chooses_a_side_writes_the_other() -> None:
    """Only what differs is written."""
    given = {"Name": answer(OURS, OURS, THEIRS)}

    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"), issues=OPEN, answers=given)

    assert (fields(plan), plan.answers) == (({}, {"Name": "Acme Ltd"}), {"answer"})


def test_an_answer_goes_before_a_policy() -> None:
    """A person has seen both values."""
    mapping = account(policy=Policy.SALESFORCE_WINS)

    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"), mapping=mapping, issues=OPEN, answers=GIVEN)

    assert fields(plan) == ({"Name": "Acme Co"}, {"Name": "Acme Co"})


def test_an_answer_in_a_long_text_has_it_in_full() -> None:
    """Neither side has it yet, and the ledger's bases know texts by digest."""
    text, theirs = "x" * 2000, "y" * 2000
    given = {"Note": answer((text,), (None,), (condense(theirs),))}
    bases = base_without("Note")

    plan = planned(row(Note="z" * 2000), record(Note=theirs), bases=bases, answers=given)
    refused = plan.refused_answers
    given = {"Note": answer((text,), (condense("z" * 2000),), (condense(theirs),))}
    plan = planned(row(Note="z" * 2000), record(Note=theirs), bases=bases, answers=given)

    assert (refused, fields(plan)) == (["Note"], ({"Note": text}, {"Note": text}))


def test_an_answer_is_refused_when_postgres_has_moved() -> None:
    """The person has not seen what stands there now; the issue shows it."""
    plan = planned(row(Name="Acme AG"), record(Name="Acme Inc"), issues=OPEN, answers=GIVEN)

    assert (plan.writes, plan.answers, plan.refused_answers) == (False, set(), ["Name"])
    assert plan.conflicts == [Conflict("Name", IssueKind.CONFLICT, ("Acme AG",), THEIRS)]


def test_an_answer_is_refused_when_salesforce_has_moved() -> None:
    """The same from the other side."""
    plan = planned(row(Name="Acme Ltd"), record(Name="Acme AG"), issues=OPEN, answers=GIVEN)

    assert (plan.writes, plan.answers, plan.refused_answers) == (False, set(), ["Name"])


def test_an_answer_that_comes_too_late_is_refused() -> None:
    """The conflict is no more: both sides agree, or one went back."""
    agreed = planned(row(Name="Acme Ltd"), record(Name="Acme Ltd"), issues=OPEN, answers=GIVEN)
    went_back = planned(row(), record(Name="Acme Inc"), issues=OPEN, answers=GIVEN)

    assert [agreed.refused_answers, went_back.refused_answers] == [["Name"], ["Name"]]
    assert [agreed.answers, went_back.answers] == [set(), set()]


def test_an_answer_of_one_unit_leaves_the_others() -> None:
    """Each conflict is decided by itself."""
    issues = {**OPEN, "Phone": shown(("2",), ("3",))}

    plan = planned(row(Name="Acme Ltd", Phone="2"), record(Name="Acme Inc", Phone="3"), issues=issues, answers=GIVEN)

    assert (fields(plan), plan.refused_answers) == (({"Name": "Acme Co"}, {"Name": "Acme Co"}), [])
    assert [conflict.slot for conflict in plan.conflicts] == ["Phone"]


def test_an_answer_to_a_storm_waits_for_its_unit() -> None:
    """The storm is shown in this very pass; what a person made of an earlier issue is not thrown away beside it."""
    formed = Base(("ACME",), ("ACME",), ("acme",), BaseState.FORM)

    plan = planned(
        row(Name="ACME"), record(Name="acme"), bases={**BASES, "Name": formed}, hops=3, answers=GIVEN, issues=OPEN
    )

    assert (plan.refused_answers, [conflict.kind for conflict in plan.conflicts]) == ([], [IssueKind.ECHO_STORM])


# --- half landed


def test_the_other_half_of_an_answer_follows() -> None:
    """It is still the same answer, and its cause a person."""
    plan = planned(row(Name="Acme Co"), record(Name="Acme Inc"), bases=HALF, issues=OPEN, intent=INTERRUPTED)

    assert (fields(plan), plan.answers) == (({}, {"Name": "Acme Co"}), {"answer"})
    assert (plan.causes["Name"], plan.closed) == (Cause.ANSWER, {"Name": "a person decided"})


def test_the_other_half_of_an_answer_follows_without_its_operation() -> None:
    """The ledger remembers the half when the intent is gone."""
    plan = planned(row(Name="Acme Co"), record(Name="Acme Inc"), bases=HALF)

    assert (fields(plan), plan.answers) == (({}, {"Name": "Acme Co"}), set())


def test_an_answer_that_is_being_carried_out_is_not_too_late() -> None:
    """Its conflict is no more because half of it has landed."""
    plan = planned(
        row(Name="Acme Co"), record(Name="Acme Inc"), bases=HALF, intent=INTERRUPTED, answers=GIVEN, issues=OPEN
    )

    assert plan.refused_answers == []


def test_an_answer_beside_the_one_that_is_being_carried_out_may_be() -> None:
    """A second answer, to a conflict that is no more, is refused as ever."""
    given = {**GIVEN, "Phone": replace(GIVEN["Name"], id="another")}

    plan = planned(row(Name="Acme Co"), record(Name="Acme Inc"), bases=HALF, intent=INTERRUPTED, answers=given)

    assert plan.refused_answers == ["Phone"]


def test_an_edit_of_the_other_half_contests_the_unit() -> None:
    """The unit has no base any more, whatever the policy: only a person decides."""
    mapping = account(policy=Policy.SALESFORCE_WINS)

    plan = planned(row(Name="Acme Co"), record(Name="Acme AG"), mapping=mapping, bases=HALF)

    assert plan.bases["Name"] == CONTESTED["Name"]
    assert (plan.writes, plan.conflicts) == (
        False,
        [Conflict("Name", IssueKind.CONFLICT, DECIDED, ("Acme AG",))],
    )


def test_a_contested_unit_waits_for_a_person() -> None:
    """No policy decides it, however often it is looked at."""
    mapping = account(policy=Policy.POSTGRES_WINS)

    plan = planned(row(Name="Acme Co"), record(Name="Acme AG"), mapping=mapping, bases=CONTESTED)

    assert (plan.writes, [conflict.decision for conflict in plan.conflicts]) == (False, [""])


def test_a_contested_unit_of_a_one_way_field_follows_its_source() -> None:
    """There is one side only that may be written."""
    mapping = account(units={"Name": {"writable": frozenset({Side.POSTGRES})}})

    plan = planned(row(Name="Acme Co"), record(Name="Acme AG"), mapping=mapping, bases=CONTESTED)

    assert fields(plan) == ({"Name": "Acme AG"}, {})


def test_a_person_decides_a_contested_unit() -> None:
    """As any other conflict."""
    given = {"Name": answer(("Acme SA",), ("Acme Co",), ("Acme AG",))}

    plan = planned(row(Name="Acme Co"), record(Name="Acme AG"), bases=CONTESTED, answers=given)

    assert fields(plan) == ({"Name": "Acme SA"}, {"Name": "Acme SA"})


def test_the_answer_of_a_plan_is_none_where_nobody_decided() -> None:
    """A form that is followed beside an unfinished answer is not that answer."""
    bases = {**BASES, "Phone": Base(("2",), ("2",), ("1",), BaseState.FORM)}
    entry = Entry("key", "account", intent=INTERRUPTED)

    plan = planned(row(Phone="2"), record(), bases=bases, intent=entry.intent)

    assert (plan.answers, plan.causes["Phone"]) == (set(), Cause.FORM)


def test_half_of_an_answer_that_went_with_its_row_comes_back_in_full() -> None:
    """The ledger knows the long text by digest, the side that had it is gone: the answer has it still."""
    text = "x" * 2000
    known = (condense(text),)
    half = {**BASES, "Note": Base(known, known, (None,), BaseState.HALF)}
    given = {"Note": answer((text,), ("y",), (None,))}

    plan = planned(None, record(Name="Acme Ltd"), bases=half, answers=given, intent=INTERRUPTED)

    assert (fields(plan)[0]["Note"], fields(plan)[1]) == (text, {"Note": text})
