"""What a unit, a record and its ledger may hold: strategies of the property tests."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from chalicelib.core.ledger import Base, BaseState, Entry, Remembered
from chalicelib.core.mapping import ObjectMapping, OnDelete, Policy
from chalicelib.core.model import Record, Row, Side, Value, condense
from chalicelib.core.plan import Seen
from chalicelib.core.recover import settled
from tests.unit.core.planning import LINKED, MODIFIED, SFID, answer
from tests.unit.core.scene import account

LONG = "x" * 2000
UNITS = {"Name": 1, "Phone": 1, "Note": 1, "place": 2}

values = st.sampled_from([None, "a", "b", "c", LONG])
units = st.tuples(values)
snapshots = st.fixed_dictionaries({"Name": values, "Phone": values, "Note": values, "City": values, "Zip": values})
hops = st.integers(0, 4)
directions = st.sampled_from([frozenset(Side)] * 2 + [frozenset({side}) for side in Side])


def known(unit: Remembered) -> Remembered:
    """A unit as the ledger knows it."""
    return tuple(condense(value) for value in unit)


@st.composite
def bases_of(draw: st.DrawFn, unit: st.SearchStrategy[tuple[Value, ...]]) -> Base | None:
    """The bases of a unit, as a settle step may leave them; None: it was never met."""
    state = draw(st.sampled_from([None, *BaseState]))
    if state is None:
        return None
    agreed, other = known(draw(unit)), known(draw(unit))
    if state is BaseState.CONTESTED:
        return Base(None, None, None, state)
    if state is BaseState.AGREED:
        return settled(agreed)
    ahead = draw(st.sampled_from(list(Side)))
    return Base(agreed, agreed, other, state) if ahead is Side.POSTGRES else Base(agreed, other, agreed, state)


@st.composite
def merges(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments of a merge."""
    echo = st.one_of(st.none(), units.map(known))
    return {
        "base": draw(bases_of(units)),
        "postgres": draw(units),
        "salesforce": draw(units),
        "hops": draw(hops),
        "echo_postgres": draw(echo),
        "echo_salesforce": draw(echo),
    }


@st.composite
def scenes(draw: st.DrawFn) -> tuple[ObjectMapping, Entry, Seen]:
    """A record as a pass may meet it, on both sides, on one or on none."""
    mapping = account(
        units={name: {"policy": draw(st.sampled_from(Policy)), "writable": draw(directions)} for name in UNITS},
        first_contact=draw(st.sampled_from(Policy)),
        on_delete=draw(st.sampled_from(OnDelete)),
    )
    known_bases = {name: draw(bases_of(st.tuples(*[values] * size))) for name, size in UNITS.items()}
    row = Row(("1",), draw(st.sampled_from([None, SFID])), draw(snapshots))
    record = Record(SFID, "key", draw(st.booleans()), draw(snapshots), None, MODIFIED, "005", False, False)
    answers = {
        name: answer(draw(unit), known(draw(unit)), known(draw(unit)))
        for name, size in UNITS.items()
        if len(mapping.by_unit[name].writable) == 2 and draw(st.booleans())  # a one-way field asks nobody
        for unit in [st.tuples(*[st.sampled_from(["a", "b", "answered"])] * size)]
    }
    edited = {name: draw(st.sampled_from([None, MODIFIED - 1.0, MODIFIED + 1.0])) for name in UNITS}
    entry = replace(
        LINKED,
        alive=draw(st.sampled_from([None, True, False])),
        bases={name: base for name, base in known_bases.items() if base is not None},
        answers=answers,
        hops=draw(hops),
    )
    seen = Seen(draw(st.sampled_from([None, row])), draw(st.sampled_from([None, record])), edited)
    return mapping, entry, seen
