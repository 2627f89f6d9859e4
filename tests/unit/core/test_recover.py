"""Recovery: what an interrupted operation left behind, told by the markers alone."""

import pytest

from chalicelib.core.ledger import Base, BaseState
from chalicelib.core.model import Side, condense
from chalicelib.core.recover import Ground, recover, remember, settled, unit_values
from tests.unit.core.interrupted import (
    ACCOUNT,
    BOTH,
    FORM,
    NEW,
    OLD,
    SEEN,
    entry,
    in_postgres,
    in_salesforce,
    interrupted,
    recovered,
)

# --- which side landed


def test_without_an_intent_the_ledger_says_it_all() -> None:
    """Bases and existence are the entry's."""
    assert recovered(None, BOTH) == Ground({"Name": settled(OLD)}, True)


def test_what_landed_nowhere_leaves_the_bases() -> None:
    """Neither marker is the operation's: it did not happen."""
    assert recovered(interrupted(), frozenset()) == Ground({"Name": settled(OLD)}, True, BOTH)


def test_what_landed_on_both_sides_is_the_base() -> None:
    """Both markers are the operation's: its target is agreed, though its result was never written."""
    assert recovered(interrupted(), BOTH) == Ground({"Name": settled(NEW)}, True)


def test_what_landed_in_postgres_only_is_to_follow_in_salesforce() -> None:
    """The side that landed has the target as its base, the other what the intent had seen there."""
    ground = recovered(interrupted(), frozenset({Side.POSTGRES}))

    assert ground == Ground({"Name": Base(NEW, NEW, OLD, BaseState.FORM)}, True, frozenset({Side.SALESFORCE}))


def test_what_landed_in_salesforce_only_is_to_follow_in_postgres() -> None:
    """The same from the other side."""
    bases = recovered(interrupted(), frozenset({Side.SALESFORCE})).bases

    assert bases == {"Name": Base(NEW, SEEN, NEW, BaseState.FORM)}


@pytest.mark.parametrize("side", list(Side))
def test_half_of_an_answer_is_remembered_as_such(side: Side) -> None:
    """A person's decision that landed on one side is not a form: an edit of the other side contests it."""
    base = recovered(interrupted(answers=frozenset({"answer"})), frozenset({side})).bases["Name"]

    assert base.state is BaseState.HALF


def test_a_marker_of_another_operation_proves_nothing() -> None:
    """Somebody wrote there since, or before: only the operation's own marker says that it landed."""
    ground = recover(ACCOUNT, entry(interrupted()), in_postgres(None), None)

    assert ground.bases == {"Name": settled(OLD)}


@pytest.mark.parametrize(
    ("written", "landed", "base"),
    [
        ("on_postgres", frozenset({Side.POSTGRES}), settled(NEW)),
        ("on_postgres", frozenset({Side.SALESFORCE}), settled(OLD)),
        ("on_salesforce", frozenset({Side.SALESFORCE}), settled(NEW)),
        ("on_salesforce", frozenset({Side.POSTGRES}), settled(OLD)),
    ],
)
def test_what_was_written_on_one_side_only(written: str, landed: frozenset[Side], base: Base) -> None:
    """It is agreed once that side has landed, and not a moment earlier."""
    nowhere: dict[str, frozenset[str]] = {"on_postgres": frozenset(), "on_salesforce": frozenset()}
    intent = interrupted(**{**nowhere, written: frozenset({"Name"})})

    assert recovered(intent, landed).bases == {"Name": base}


def test_an_agreement_that_was_seen_needs_no_write() -> None:
    """A unit on which both sides agreed was seen so before anything was written."""
    intent = interrupted(on_postgres=frozenset(), on_salesforce=frozenset())

    assert recovered(intent, frozenset()).bases == {"Name": settled(NEW)}


def test_units_that_the_operation_did_not_touch_keep_their_bases() -> None:
    """Held ones, for instance."""
    bases = {"Name": settled(OLD), "Phone": settled(("1",))}

    assert recovered(interrupted(), BOTH, bases=bases).bases == {"Name": settled(NEW), "Phone": settled(("1",))}


def test_each_unit_is_recovered_by_itself() -> None:
    """One that landed nowhere does not end the recovery of those after it."""
    intent = interrupted(
        target={"Name": NEW, "Phone": NEW}, on_postgres=frozenset({"Name"}), on_salesforce=frozenset({"Phone"})
    )

    assert recovered(intent, frozenset({Side.SALESFORCE})).bases == {"Name": settled(OLD), "Phone": settled(NEW)}


def test_the_record_is_as_alive_as_the_intent_says() -> None:
    """An operation without an existence write was planned on what its holder had seen."""
    assert recovered(interrupted(alive=True), frozenset(), alive=None).alive is True


# --- forms


def test_a_form_of_postgres_is_what_its_transaction_left() -> None:
    """The marker's transaction kept what the user's triggers made of our write; Salesforce is to follow."""
    state = in_postgres("op", stored={"Name": "NEW"})

    ground = recover(ACCOUNT, entry(interrupted()), state, in_salesforce("op", values={"Name": "new"}))

    assert ground.bases == {"Name": Base(FORM, FORM, NEW, BaseState.FORM)}


def test_a_form_of_salesforce_is_what_stands_there_under_our_marker() -> None:
    """Our user was the last to write, so automation made it of our write; Postgres is to follow."""
    record = in_salesforce("op", values={"Name": "NEW"})

    ground = recover(ACCOUNT, entry(interrupted()), in_postgres("op", stored={"Name": "new"}), record)

    assert ground.bases == {"Name": Base(FORM, NEW, FORM, BaseState.FORM)}


def test_forms_of_both_sides() -> None:
    """Each side has its own as its base; the later writer's is the one to follow."""
    record = in_salesforce("op", values={"Name": "new."})

    ground = recover(ACCOUNT, entry(interrupted()), in_postgres("op", stored={"Name": "NEW"}), record)

    assert ground.bases == {"Name": Base(("new.",), FORM, ("new.",), BaseState.FORM)}


def test_what_another_user_left_in_salesforce_is_no_form() -> None:
    """A user's save keeps our marker: without the author, an edit would be taken for automation and lost."""
    record = in_salesforce("op", values={"Name": "edited"}, ours=False)

    ground = recover(ACCOUNT, entry(interrupted()), in_postgres("op", stored={"Name": "new"}), record)

    assert ground.bases == {"Name": settled(NEW)}


@pytest.mark.parametrize(("on_postgres", "on_salesforce"), [({"Name"}, set()), (set(), {"Name"})])
def test_what_was_not_written_there_is_no_form(on_postgres: set[str], on_salesforce: set[str]) -> None:
    """Another value on the side that was not written is an edit."""
    intent = interrupted(on_postgres=frozenset(on_postgres), on_salesforce=frozenset(on_salesforce))
    state = in_postgres("op", stored={"Name": "new" if on_postgres else "edited"})
    record = in_salesforce("op", values={"Name": "new" if on_salesforce else "edited"})

    assert recover(ACCOUNT, entry(intent), state, record).bases == {"Name": settled(NEW)}


def test_a_field_that_cannot_be_read_has_no_form() -> None:
    """Missing is not null, in Salesforce nor beside the marker."""
    ground = recover(ACCOUNT, entry(interrupted()), in_postgres("op"), in_salesforce("op"))

    assert ground.bases == {"Name": settled(NEW)}


def test_half_of_an_operation_is_not_looked_at_for_forms() -> None:
    """Where one side did not land, what stands there is what the intent had seen, or an edit."""
    ground = recover(ACCOUNT, entry(interrupted()), in_postgres("op", stored={"Name": "NEW"}), in_salesforce("no"))

    assert ground.bases == {"Name": Base(NEW, NEW, OLD, BaseState.FORM)}


def test_a_long_text_is_compared_by_digest() -> None:
    """The intent holds the digest of what was written, both sides the text."""
    text = "x" * 2000
    intent = interrupted(target={"Name": (condense(text),)})
    record = in_salesforce("op", values={"Name": text})

    ground = recover(ACCOUNT, entry(intent), in_postgres("op", stored={"Name": text}), record)

    assert ground.bases == {"Name": settled((condense(text),))}


def test_a_unit_that_is_mapped_no_more_is_recovered_all_the_same() -> None:
    """The mapping file may change between a crash and its recovery."""
    intent = interrupted(
        target={"Gone": NEW, "Name": NEW},
        on_postgres=frozenset({"Gone", "Name"}),
        on_salesforce=frozenset({"Gone", "Name"}),
    )

    ground = recover(ACCOUNT, entry(intent), in_postgres("op", stored={"Name": "NEW"}), in_salesforce("op"))

    assert ground.bases == {"Gone": settled(NEW), "Name": Base(FORM, FORM, NEW, BaseState.FORM)}


# --- snapshots


def test_a_snapshot_by_unit_leaves_out_what_is_not_whole() -> None:
    """Half an address is no address."""
    assert unit_values(ACCOUNT, {"Name": "a", "City": "Bern"}) == {"Name": ("a",)}
    assert unit_values(ACCOUNT, {"Zip": None, "City": "Bern"}) == {"place": ("Bern", None)}


def test_the_ledger_remembers_long_texts_by_digest() -> None:
    """And everything else as it is."""
    text = "x" * 2000

    assert remember(("a", None, True, text)) == ("a", None, True, condense(text))
