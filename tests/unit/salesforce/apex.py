"""Apex as a published grammar reads it."""

from collections.abc import Iterator

from tree_sitter import Node
from tree_sitter_language_pack import get_parser

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
_DECLARATIONS = {"method_declaration", "variable_declarator", "formal_parameter", "enhanced_for_statement"}


def nodes(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    yield node
    for child in node.children:
        yield from nodes(child)


def tree(source: bytes) -> Node:
    """The syntax tree."""
    return get_parser("apex").parse(source).root_node


def mistakes(source: bytes) -> list[tuple[object, bytes | None]]:
    """Where the grammar finds an error, or misses something."""
    return [(node.start_point, node.text) for node in nodes(tree(source)) if node.is_error or node.is_missing]


def declared(source: bytes) -> set[str]:
    """Names of methods, variables and parameters, in lower case."""
    return {
        name.text.decode().lower()
        for node in nodes(tree(source))
        if node.type in _DECLARATIONS and (name := node.child_by_field_name("name")) and name.text
    }


def reserved(source: bytes) -> set[str]:
    """Declared names that Apex keeps for itself, or that are no identifiers of its."""
    return {name for name in declared(source) if name in WORDS.split() or "__" in name or name.endswith("_")}
