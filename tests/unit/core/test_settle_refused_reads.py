"""A read that is refused parks nothing: no message may be acknowledged for it, and no other record suffers from it."""

from collections.abc import Sequence

import pytest

from chalicelib.core.errors import ProtocolError, Rejected
from chalicelib.core.model import Record
from chalicelib.core.ports import RecordQuery
from chalicelib.core.work import Result
from tests.unit.core.scene import Scene

VALUE = "top secret"


class Picky:
    """Refuses a whole call for one id, as SOQL does with "invalid ID field"."""

    def __init__(self, scene: Scene, refused: str) -> None:
        self._read = scene.records.read
        self._refused = refused

    def __call__(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """The port's method."""
        if any(self._refused in {query.id, query.key} for query in wanted):
            raise Rejected(f"invalid ID field: {VALUE}", code="INVALID_QUERY_FILTER_OPERATOR")
        return self._read(wanted)


def test_a_row_whose_link_is_no_id_is_a_new_row() -> None:
    """A user can write anything into the column ``sfid``: it links nothing, and is put right."""
    scene = Scene()
    others = [scene.linked(Name="a"), scene.linked(Name="b")]
    for pair in others:
        scene.edit_postgres(pair, Name="edited")
    pk = scene.rows.insert("public.account", {"Name": "new"}, sfid="not-an-id")

    scene.drain()

    assert [scene.both(pair, "Name") for pair in others] == [("edited", "edited")] * 2
    link = scene.rows.rows("public.account")[pk].sfid
    assert link is not None
    assert scene.records.all("Account")[-1].values["Name"] == "new"


@pytest.mark.parametrize("late", [False, True])
def test_a_refused_read_loses_no_message_and_no_other_record(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the record is being identified or settled, the others go on and its message stays."""
    scene = Scene()
    good = scene.linked(Name="a")
    bad = scene.linked(Name="b") if late else scene.insert_salesforce(Name="b")
    scene.edit_postgres(good, Name="edited")
    if late:
        scene.edit_postgres(bad, Name="edited")
    monkeypatch.setattr(scene.records, "read", Picky(scene, bad.sfid or ""))
    hints = [hint if hint.record is None else scene.message(bad, hint.side, content=False) for hint in scene.take()]

    outcomes = scene.settle(*hints)

    assert scene.both(good, "Name") == ("edited", "edited")
    refused = [outcome for outcome in outcomes if not outcome.acknowledged]
    assert [outcome.result for outcome in refused] == [Result.HALTED]
    assert [ProtocolError] == [type(outcome.error) for outcome in refused]
    assert VALUE not in str(refused[0].error)
