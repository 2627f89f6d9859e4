"""Resolved mappings as stored text."""

import json

import pytest

from chalicelib.core.errors import MappingError
from chalicelib.core.mapping_file import parse
from chalicelib.core.schema import fingerprint, from_json, resolve, to_json
from tests.unit.core.schema_sample import MAPPINGS, OBJECTS, TABLES


def test_stored_mappings_are_the_same_again() -> None:
    """What was resolved is what the Lambdas read, to the letter."""
    mappings = resolve(parse(MAPPINGS), OBJECTS, TABLES).mappings
    assert mappings == from_json(to_json(mappings))
    assert to_json(mappings) == to_json(from_json(to_json(mappings)))


def test_stored_mappings_of_another_format_are_refused() -> None:
    """A newer format is not guessed at."""
    with pytest.raises(MappingError, match=r"format 2, this version reads 1.*manage\.py check"):
        from_json(json.dumps({"format": 2, "mappings": []}))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1}', '{"format": 1, "mappings": [{}]}', '{"format": 1, "mappings": [1]}'],
)
def test_damaged_stored_mappings_are_refused(text: str) -> None:
    """Damage is named, with the remedy."""
    with pytest.raises(MappingError, match=r"damaged; run `python manage\.py check` again"):
        from_json(text)


def test_stored_mappings_with_an_unknown_policy_are_refused() -> None:
    """A word that this version does not know is damage."""
    text = to_json(resolve(parse(MAPPINGS), OBJECTS, TABLES).mappings).replace("newest_wins", "oldest_wins")
    with pytest.raises(MappingError, match="damaged"):
        from_json(text)


def test_fingerprint_tells_files_apart() -> None:
    """The same text has the same fingerprint, another text another."""
    assert fingerprint(MAPPINGS) == fingerprint(MAPPINGS + "")
    assert fingerprint(MAPPINGS) != fingerprint(MAPPINGS + "\n")
