"""Earlier values are put back: what is found, what is refused, and how it is told."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Cause, IssueKind
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import LONG_TEXT, Side
from chalicelib.jobs.deciding import End
from chalicelib.jobs.reverting import Reversal, Reverting
from tests.fakes.archive import MemoryArchive
from tests.unit.core.scene import Pair, Scene
from tests.unit.core.test_answers import in_conflict


class Office:
    """A person's desk on a scene."""

    def __init__(self, scene: Scene, pair: Pair) -> None:
        self.scene, self.pair = scene, pair
        self.archive = MemoryArchive(scene.ledger)
        self.woken: list[str] = []

    @property
    def reverting(self) -> Reverting:
        """What is tested."""
        return self.by(self.scene.mappings)

    def by(self, mappings: Mappings) -> Reverting:
        """With other mappings."""
        scene = self.scene
        return Reverting(
            mappings=mappings, ledger=scene.ledger, archive=self.archive, clock=scene.clock, wake=self.woken.append
        )

    def plan(self, moment: float, *fields: str, take: Side | None = None) -> Reversal:
        """What is to be put back."""
        return self.reverting.plan(self.scene.key(self.pair), moment, "ann", fields=fields, take=take)

    def carried_out(self, reversal: Reversal) -> tuple[End, str]:
        """How it ends, once it has been written."""
        self.reverting.carry_out(reversal)
        self.scene.settle(self.scene.message(self.pair, Side.SALESFORCE, content=False))
        self.scene.drain()
        return self.reverting.standing(reversal)


def renamed() -> tuple[Office, float, float]:
    """An account that was renamed twice, and the moments before either."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    moments = []
    for name in ("Acme Ltd", "Acme AG"):
        moments.append(scene.clock.now())
        scene.clock.advance(10.0)
        scene.edit_postgres(pair, Name=name)
        scene.drain()
    return Office(scene, pair), moments[0], moments[1]


@pytest.mark.parametrize(("which", "name"), [(0, "Acme"), (1, "Acme Ltd")])
def test_a_record_is_put_back_to_a_moment(which: int, name: str) -> None:
    """Both sides hold what they held then, and it is told when that is so."""
    office, *moments = renamed()

    reversal = office.plan(moments[which])
    before = office.reverting.standing(replace(reversal, answers={}))
    end = office.carried_out(reversal)

    assert reversal.values == {"Name": name}
    assert reversal.held == {"Name": {Side.POSTGRES: "Acme AG", Side.SALESFORCE: "Acme AG"}}
    assert (before[0], end[0], office.scene.both(office.pair, "Name")) == (End.SETTLED, End.SETTLED, (name, name))
    assert office.woken == [office.scene.key(office.pair)]


def test_what_was_put_back_is_put_back_again() -> None:
    """It is a change like any other."""
    office, first, _ = renamed()
    office.scene.clock.advance(10.0)
    moment = office.scene.clock.now()
    office.scene.clock.advance(10.0)
    office.carried_out(office.plan(first))

    again = office.plan(moment)

    assert again.values == {"Name": "Acme AG"}
    assert office.scene.ledger.history[-1].cause is Cause.REVERT


def test_it_is_pending_until_it_is_written() -> None:
    """And then overtaken where a side has moved."""
    office, first, _ = renamed()
    reversal = office.plan(first)
    office.reverting.carry_out(reversal)

    pending = office.reverting.standing(reversal)
    office.scene.edit_salesforce(office.pair, Name="Acme SA")
    office.scene.drain()

    assert [pending[0], office.reverting.standing(reversal)[0]] == [End.PENDING, End.MOVED]


def test_a_refusal_is_told_with_the_system_s_own_text() -> None:
    """An issue is open for it."""
    office, first, _ = renamed()
    office.scene.records.refusals.append(
        lambda save: Rejected("no such name", code="RULE", fields=("Name",)) if save.after["Name"] == "Acme" else None
    )

    assert office.carried_out(office.plan(first)) == (End.REFUSED, "RULE no such name")


def test_a_record_that_has_moved_since_is_refused() -> None:
    """What the person saw is not so any more."""
    office, first, _ = renamed()
    reversal = office.plan(first)
    office.scene.edit_salesforce(office.pair, Name="Acme SA")
    office.scene.drain()

    with pytest.raises(Rejected, match="moved since"):
        office.reverting.carry_out(reversal)
    assert office.woken == []


def test_a_record_that_the_ledger_forgets_is_told_of() -> None:
    """Somebody has erased it."""
    office, first, _ = renamed()
    reversal = office.plan(first)
    office.scene.ledger.entries.clear()

    assert office.reverting.standing(reversal)[0] is End.OVERTAKEN


def test_nothing_to_put_back_is_said() -> None:
    """Nobody has overwritten anything since."""
    office, *_ = renamed()
    with pytest.raises(Rejected, match="nothing was overwritten since"):
        office.plan(office.scene.clock.now() + 1.0)
    with pytest.raises(Rejected, match="nothing was overwritten since"):
        office.plan(0.0, "Phone")


def test_an_unknown_field_is_refused_with_what_could_be_meant() -> None:
    """A slip of the pen."""
    office, first, _ = renamed()
    with pytest.raises(Rejected, match="Name"):
        office.plan(first, "Nmae")


def test_a_decided_conflict_needs_a_side() -> None:
    """Both values were overwritten."""
    scene, pair = in_conflict()
    office, moment = Office(scene, pair), scene.clock.now()
    scene.clock.advance(10.0)
    scene.answer(pair, "Name", "Acme Co")
    scene.drain()

    with pytest.raises(Rejected, match="say whose to take"):
        office.plan(moment)
    reversal = office.plan(moment, take=Side.SALESFORCE)
    assert (reversal.values, office.carried_out(reversal)[0]) == ({"Name": "Acme Inc"}, End.SETTLED)


def test_a_unit_in_question_is_decided_by_its_issue() -> None:
    """The person is led to it."""
    office, first, _ = renamed()
    office.scene.edit_both(office.pair, {"Name": "A"}, {"Name": "B"})
    office.scene.drain()
    (issue,) = office.scene.open_issues()

    assert issue.kind is IssueKind.CONFLICT
    with pytest.raises(Rejected, match=f"`resolve` its issue {issue.id}"):
        office.plan(first)


def test_a_unit_that_is_decided_already_waits() -> None:
    """Of two persons the second is told."""
    office, first, second = renamed()
    office.reverting.carry_out(office.plan(first))
    with pytest.raises(Rejected, match="ann has decided Name"):
        office.plan(second)


def test_a_deleted_record_is_not_put_back() -> None:
    """It is brought back first."""
    office, first, _ = renamed()
    office.scene.delete_postgres(office.pair)
    office.scene.drain()
    with pytest.raises(Rejected, match="deleted"):
        office.plan(first)
    with pytest.raises(Rejected, match="no record none"):
        office.reverting.plan("none", first, "ann")


def test_a_field_of_one_way_is_changed_at_its_source() -> None:
    """The sync never writes it there."""
    office, first, _ = renamed()
    one_way = replace(
        office.scene.mapping,
        units=tuple(
            replace(unit, writable=frozenset({Side.POSTGRES})) if unit.name == "Name" else unit
            for unit in office.scene.mapping.units
        ),
    )
    with pytest.raises(Rejected, match="change it in Salesforce"):
        office.by(Mappings((one_way,))).plan(office.scene.key(office.pair), first, "ann")


def test_before_a_record_was_made_on_a_side_nothing_is_known() -> None:
    """It is said where it is asked for; what is known is put back beside it."""
    scene = Scene()
    sfid = scene.records.add("Account", {**dict.fromkeys(scene.mapping.names), "Name": "Acme"})
    scene.drain()
    (entry,) = scene.ledger.entries.values()
    office = Office(scene, Pair("Account", "public.account", sfid, entry.pk))

    with pytest.raises(Rejected, match="nobody knows what Name held then"):
        office.plan(0.0, "Name")
    with pytest.raises(Rejected, match="nothing was overwritten since"):
        office.plan(0.0)


def moved(zip_: str) -> tuple[Office, float]:
    """An account of which one field of the address has changed since."""
    scene = Scene()
    pair = scene.linked(City="Kiel", Zip=zip_)
    moment = scene.clock.now()
    scene.clock.advance(10.0)
    scene.edit_postgres(pair, City="Jena")
    scene.drain()
    return Office(scene, pair), moment


def test_a_group_is_put_back_as_one() -> None:
    """With what its other fields hold."""
    office, moment = moved("24103")

    reversal = office.plan(moment, "Zip")

    assert reversal.values == {"City": "Kiel", "Zip": "24103"}
    assert office.carried_out(reversal)[0] is End.SETTLED


def test_a_group_of_which_the_ledger_does_not_know_a_text_is_not_put_back() -> None:
    """It keeps the digest of a long one."""
    office, moment = moved("x" * (LONG_TEXT + 1))
    with pytest.raises(Rejected, match="Zip belongs to the same group"):
        office.plan(moment)
