"""Recovery of creations, deletes and undeletes."""

import pytest

from chalicelib.core.ledger import Base, BaseState, Existence, Intent
from chalicelib.core.model import Record, RowState, Side
from chalicelib.core.recover import Ground, buried, recover, settled
from tests.unit.core.interrupted import ACCOUNT, NEW, OLD, SEEN, entry, in_postgres, in_salesforce, interrupted

HERE = in_postgres("before")
THERE = in_salesforce("before")
BIN = in_salesforce("before", deleted=True)


@pytest.mark.parametrize(
    ("existence", "postgres", "salesforce", "landed"),
    [
        (Existence.INSERT_POSTGRES, in_postgres("op"), THERE, True),
        (Existence.INSERT_POSTGRES, in_postgres("op", gone=True), THERE, True),
        (Existence.INSERT_POSTGRES, HERE, THERE, False),
        (Existence.DELETE_POSTGRES, in_postgres("op", gone=True), BIN, True),
        (Existence.DELETE_POSTGRES, in_postgres("before", gone=True), BIN, True),
        (Existence.DELETE_POSTGRES, in_postgres("op"), BIN, True),
        (Existence.DELETE_POSTGRES, HERE, BIN, False),
        (Existence.CREATE_SALESFORCE, HERE, in_salesforce("op"), True),
        (Existence.CREATE_SALESFORCE, HERE, THERE, True),
        (Existence.CREATE_SALESFORCE, HERE, in_salesforce("op", deleted=True), True),
        (Existence.CREATE_SALESFORCE, HERE, BIN, False),
        (Existence.CREATE_SALESFORCE, HERE, None, False),
        (Existence.DELETE_SALESFORCE, HERE, in_salesforce("op", deleted=True), True),
        (Existence.DELETE_SALESFORCE, HERE, BIN, True),
        (Existence.DELETE_SALESFORCE, HERE, None, True),
        (Existence.DELETE_SALESFORCE, HERE, in_salesforce("op"), True),
        (Existence.DELETE_SALESFORCE, HERE, THERE, False),
        (Existence.UNDELETE_SALESFORCE, HERE, in_salesforce("op"), True),
        (Existence.UNDELETE_SALESFORCE, HERE, THERE, True),
        (Existence.UNDELETE_SALESFORCE, HERE, in_salesforce("op", deleted=True), True),
        (Existence.UNDELETE_SALESFORCE, HERE, BIN, False),
        (Existence.UNDELETE_SALESFORCE, HERE, None, False),
    ],
)
def test_whether_an_existence_write_landed(
    existence: Existence, postgres: RowState, salesforce: Record | None, landed: bool
) -> None:
    """By its marker, or by its effect where a user may have done the same and nothing is lost by it."""
    intent = interrupted(target={}, existence=existence, alive=existence.alive)

    ground = recover(ACCOUNT, entry(intent, alive=not existence.alive), postgres, salesforce)

    assert ground.alive is (existence.alive if landed else not existence.alive)


def test_an_undelete_that_was_seen_to_fail_did_not_land() -> None:
    """A record that is alive all the same was taken out of the bin by a user: that is an edit after the delete."""
    intent = interrupted(target={}, existence=Existence.UNDELETE_SALESFORCE, failed=True)

    assert recover(ACCOUNT, entry(intent, alive=False), HERE, THERE).alive is False


@pytest.mark.parametrize("existence", [Existence.INSERT_POSTGRES, Existence.CREATE_SALESFORCE])
def test_a_creation_that_landed_leaves_the_bases_of_its_units(existence: Existence) -> None:
    """What the intent had seen elsewhere is no base of a record that has just begun."""
    intent = interrupted(
        on_postgres=frozenset({"Name"} if existence.side is Side.POSTGRES else ()),
        on_salesforce=frozenset({"Name"} if existence.side is Side.SALESFORCE else ()),
        seen_salesforce={"Name": OLD, "Phone": ("1",)},
        existence=existence,
    )

    ground = recover(ACCOUNT, entry(intent, alive=None, bases={}), in_postgres("op"), in_salesforce("op"))

    assert ground == Ground({"Name": settled(NEW)}, True)


def nothing_but(existence: Existence) -> Intent:
    """The intent of a delete."""
    seen, none = {"Name": SEEN}, frozenset[str]()
    return interrupted(
        target={}, on_postgres=none, on_salesforce=none, existence=existence, alive=False, seen_salesforce=seen
    )


@pytest.mark.parametrize("existence", [Existence.DELETE_POSTGRES, Existence.DELETE_SALESFORCE])
def test_a_delete_that_landed_takes_what_lies_in_the_bin_as_agreed(existence: Existence) -> None:
    """An undelete brings back just that, and it must not look like an edit."""
    intent = nothing_but(existence)

    ground = recover(ACCOUNT, entry(intent), in_postgres("op", gone=True), None)

    assert ground == Ground({"Name": settled(SEEN)}, False)


def test_a_delete_that_did_not_land_leaves_the_bases() -> None:
    """The record is there, and its bases are good."""
    ground = recover(ACCOUNT, entry(nothing_but(Existence.DELETE_SALESFORCE)), HERE, THERE)

    assert ground == Ground({"Name": settled(OLD)}, True, frozenset({Side.SALESFORCE}))


# --- the bin


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (settled(OLD), settled(OLD)),
        (settled(NEW), Base(OLD, NEW, OLD, BaseState.FORM)),
        (Base(NEW, OLD, NEW, BaseState.FORM), settled(OLD)),
        (Base(NEW, NEW, OLD, BaseState.FORM), Base(NEW, NEW, OLD, BaseState.FORM)),
        (Base(NEW, NEW, SEEN, BaseState.HALF), Base(NEW, NEW, OLD, BaseState.HALF)),
    ],
    ids=["the base", "another value", "what Postgres holds", "what was to follow", "half of an answer"],
)
def test_an_undelete_brings_back_what_lay_in_the_bin(base: Base, expected: Base) -> None:
    """That is what Salesforce holds now; where Postgres holds something else, it is behind, and nobody edited."""
    assert buried({"Name": base}, {"Name": OLD}, Existence.UNDELETE_SALESFORCE) == {"Name": expected}


def test_an_undelete_gives_no_base_to_a_unit_that_had_none() -> None:
    """Its first contact is still to come, and the units after it have their turn."""
    bases = buried({"Phone": settled(NEW)}, {"Name": OLD, "Phone": OLD}, Existence.UNDELETE_SALESFORCE)

    assert bases == {"Phone": Base(OLD, NEW, OLD, BaseState.FORM)}


@pytest.mark.parametrize("existence", [None, Existence.DELETE_POSTGRES, Existence.DELETE_SALESFORCE])
def test_whatever_ends_a_record_settles_what_lies_in_the_bin(existence: Existence | None) -> None:
    """Units that are not there keep their bases."""
    bases = {"Name": Base(NEW, NEW, SEEN, BaseState.HALF), "Phone": settled(("1",))}

    assert buried(bases, {"Name": OLD}, existence) == {"Name": settled(OLD), "Phone": settled(("1",))}


def test_burying_leaves_the_bases_that_it_was_given() -> None:
    """They are the ledger's."""
    bases = {"Name": settled(OLD)}

    buried(bases, {"Name": NEW}, None)

    assert bases == {"Name": settled(OLD)}
