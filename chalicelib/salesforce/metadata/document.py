"""One metadata file: XML as the Metadata API has it (Metadata API Developer Guide, "Metadata Components and Types")."""

from collections.abc import Sequence
from html import escape
from typing import TypeAlias

Node: TypeAlias = "tuple[str, str | bool | int | Sequence[Node]]"

_INDENT = "    "


def document(root: str, nodes: Sequence[Node]) -> str:
    """A file whose root element is of the Metadata API's namespace.

    Args:
        root: the type's name.
        nodes: its elements, in the order in which they are to stand: elements of one name next to each other.
    """
    body = "".join(_lines(nodes, _INDENT))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{root} xmlns="http://soap.sforce.com/2006/04/metadata">\n{body}</{root}>\n'
    )


def _lines(nodes: Sequence[Node], indent: str) -> list[str]:
    lines = []
    for name, content in nodes:
        if isinstance(content, bool):
            lines.append(f"{indent}<{name}>{str(content).lower()}</{name}>\n")
        elif isinstance(content, str | int):
            lines.append(f"{indent}<{name}>{escape(str(content), quote=False)}</{name}>\n")
        else:
            lines.append(f"{indent}<{name}>\n{''.join(_lines(content, indent + _INDENT))}{indent}</{name}>\n")
    return lines
