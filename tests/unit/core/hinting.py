"""An edit of Salesforce, and what its message may say of it."""

from dataclasses import replace
from typing import Any

from chalicelib.core.model import Hint
from tests.unit.core.scene import Pair, Scene

EDITED = "Acme Ltd"


def edited(**values: str | None) -> tuple[Scene, Pair, Hint]:
    """An account that was edited in Salesforce, and the message that tells of it."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_salesforce(pair, **{"Name": EDITED, **values})
    (hint,) = scene.take()
    return scene, pair, hint


def told(hint: Hint, **changes: Any) -> Hint:
    """The same message with other content."""
    assert hint.record is not None
    return replace(hint, record=replace(hint.record, **changes))


def values_without(hint: Hint, *names: str) -> dict[str, Any]:
    """A message's values without some fields."""
    assert hint.record is not None
    return {name: value for name, value in hint.record.values.items() if name not in names}


def reads(scene: Scene, *hints: Hint) -> int:
    """Salesforce calls that settling takes."""
    scene.wire.calls.clear()
    scene.settle(*hints)
    return scene.wire.count("records.")
