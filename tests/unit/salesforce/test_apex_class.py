"""The Apex class and its tests, as far as that can be told without an org: a published grammar takes them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from tree_sitter import Node
from tree_sitter_language_pack import get_parser

from chalicelib.salesforce.apex_writer import CONTRACT, OPERATIONS_A_CALL
from chalicelib.salesforce.client import API_VERSION
from chalicelib.salesforce.soql import STATE_FIELDS

FOLDER = Path(__file__).parents[3] / "infra" / "salesforce"
CLASSES = sorted((FOLDER / "force-app" / "main" / "default" / "classes").glob("*.cls"))

# Apex Developer Guide, "Reserved Keywords"; the grammar takes some of them for names
WORDS = """
abstract activate and any array as asc autonomous begin bigdecimal blob break bulk by byte case cast catch char class
collect commit const continue currency default delete desc do double else end enum exception exit export extends false
final finally float for from global goto group having hint if implements import in inner insert instanceof int
interface into join like limit list loop map merge new not null nulls number of on or outer override package parallel
pragma private protected public retrieve return rollback select set short sort static super switch synchronized
testmethod then this throw transaction trigger true try undelete update upsert using virtual void webservice when
where while
"""


def nodes(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    yield node
    for child in node.children:
        yield from nodes(child)


def tree(source: bytes) -> Node:
    """The syntax tree."""
    return get_parser("apex").parse(source).root_node


def test_there_are_a_class_and_its_tests() -> None:
    """Nothing below passes because nothing was found."""
    assert [path.stem for path in CLASSES] == ["TwinledgerRest", "TwinledgerRestTest"]


def test_the_parser_sees_mistakes() -> None:
    """A class with a mistake in it is not taken."""
    assert tree(b"public class A { void f() { Integer i = ; } }").has_error


@pytest.mark.parametrize("path", CLASSES, ids=lambda path: path.stem)
def test_parses_without_an_error(path: Path) -> None:
    """No error and nothing missing, anywhere."""
    assert [
        (node.start_point, node.text) for node in nodes(tree(path.read_bytes())) if node.is_error or node.is_missing
    ] == []


@pytest.mark.parametrize("path", CLASSES, ids=lambda path: path.stem)
def test_declares_no_reserved_word(path: Path) -> None:
    """Names of methods, variables and parameters are free ones."""
    declarations = {"method_declaration", "variable_declarator", "formal_parameter", "enhanced_for_statement"}
    names = {
        name.text.decode().lower()
        for node in nodes(tree(path.read_bytes()))
        if node.type in declarations and (name := node.child_by_field_name("name")) and name.text
    }
    assert {"settle"} <= names
    assert set() == names & set(WORDS.split())


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
    declared = re.search(r"STATE_FIELDS = new List<String>\{(.*?)\}", source, re.DOTALL)
    assert declared is not None
    names = declared[1].replace("KEY_FIELD", "'Twinledger_Key__c'").replace("MARKER_FIELD", "'Twinledger_Op__c'")
    assert list(STATE_FIELDS) == re.findall(r"'(\w+)'", names)
    assert f"The contract, version {CONTRACT}" in (FOLDER / "README.md").read_text()
