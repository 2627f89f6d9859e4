"""The Apex class and its tests, as far as that can be told without an org: a published grammar takes them."""

import re
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

from chalicelib.salesforce.apex_writer import CONTRACT, OPERATIONS_A_CALL
from chalicelib.salesforce.client import API_VERSION
from chalicelib.salesforce.soql import STATE_FIELDS
from tests.unit.salesforce.apex import declared, mistakes, reserved

FOLDER = Path(__file__).parents[3] / "infra" / "salesforce"
CLASSES = sorted((FOLDER / "force-app" / "main" / "default" / "classes").glob("*.cls"))


def test_there_are_a_class_and_its_tests() -> None:
    """Nothing below passes because nothing was found."""
    assert [path.stem for path in CLASSES] == ["TwinledgerRest", "TwinledgerRestTest"]


def test_the_parser_sees_mistakes() -> None:
    """A class with a mistake in it is not taken."""
    assert mistakes(b"public class A { void f() { Integer i = ; } }") != []


@pytest.mark.parametrize("path", CLASSES, ids=lambda path: path.stem)
def test_parses_without_an_error(path: Path) -> None:
    """No error and nothing missing, anywhere."""
    assert mistakes(path.read_bytes()) == []


@pytest.mark.parametrize("path", CLASSES, ids=lambda path: path.stem)
def test_declares_no_reserved_word(path: Path) -> None:
    """Names of methods, variables and parameters are free ones."""
    source = path.read_bytes()
    assert "settle" in declared(source)
    assert reserved(source) == set()


@pytest.mark.parametrize("path", CLASSES, ids=lambda path: path.stem)
def test_has_its_metadata(path: Path) -> None:
    """Active, and of the API version that the client speaks."""
    root = fromstring(path.with_suffix(".cls-meta.xml").read_text())
    values = {child.tag.rpartition("}")[2]: child.text for child in root}
    assert values == {"apiVersion": API_VERSION, "status": "Active"}


def test_class_and_client_speak_one_contract() -> None:
    """Contract, the number of operations and the fields of a record are the same on both ends, and on the page."""
    source = CLASSES[0].read_text()
    assert f"Integer CONTRACT = {CONTRACT};" in source
    assert f"Integer MOST_OPERATIONS = {OPERATIONS_A_CALL};" in source
    listed = re.search(r"STATE_FIELDS = new List<String>\{(.*?)\}", source, re.DOTALL)
    assert listed is not None
    names = listed[1].replace("KEY_FIELD", "'Twinledger_Key__c'").replace("MARKER_FIELD", "'Twinledger_Op__c'")
    assert list(STATE_FIELDS) == re.findall(r"'(\w+)'", names)
    assert f"The contract, version {CONTRACT}" in (FOLDER / "README.md").read_text()
