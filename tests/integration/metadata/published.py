"""The Metadata API's types as Salesforce publishes them for TypeScript, and what of a file is not as they say."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

_TYPE = re.compile(r"^export type (\w+) = ([^;{]*)(?:\{\n(.*?)^\})?;$", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(r"^    (\w+)(\?)?: ([^;]+);$", re.MULTILINE)
_NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
_PLAIN = {"string": r"(?s:.*)", "boolean": r"true|false", "number": r"-?\d+(\.\d+)?"}


@dataclass(frozen=True)
class Member:
    """One element that a type may have.

    Attributes:
        type: name of its type.
        required: whether there has to be one.
        many: whether there may be several.
    """

    type: str
    required: bool
    many: bool


class Published:
    """All types of a declaration file."""

    def __init__(self, declarations: Path) -> None:
        self._bases: dict[str, list[str]] = {}
        self._bodies: dict[str, str] = {}
        self._words: dict[str, set[str]] = {}
        for name, head, body in _TYPE.findall(declarations.read_text()):
            if words := set(re.findall(r"'([^']*)'", head)):
                self._words[name] = words
            else:
                self._bases[name] = re.findall(r"\w+", head)
                self._bodies[name] = body

    def members(self, name: str) -> Mapping[str, Member]:
        """The elements of a type in the WSDL's order, which begins with those of its bases."""
        if name == "string":  # the declarations have it for an extension of Metadata that adds nothing
            return self.members("Metadata")
        members: dict[str, Member] = {}
        for base in self._bases[name]:
            members.update(self.members(base))
        for element, optional, kind in _MEMBER.findall(self._bodies[name]):
            many = kind.endswith("[]")
            members[element] = Member(kind.removesuffix("[]"), required=not optional and not many, many=many)
        return members

    def misfits(self, element: Element, name: str | None = None) -> Iterator[str]:
        """What an element has that its type does not, the other way round, and its order; the root says what it is."""
        kind = element.tag.removeprefix(_NAMESPACE) if name is None else name
        if kind in self._bodies:
            yield from self._inside(element, kind)
        elif kind in self._words and (element.text or "") not in self._words[kind]:
            yield f"{kind} knows no {element.text}"
        elif kind in _PLAIN and not re.fullmatch(_PLAIN[kind], element.text or ""):
            yield f"{element.text} is no {kind}"
        elif kind not in self._words and kind not in _PLAIN:
            yield f"there is no type {kind}"

    def _inside(self, element: Element, kind: str) -> Iterator[str]:
        members = self.members(kind)
        tags = [child.tag.removeprefix(_NAMESPACE) for child in element]
        yield from (f"{kind} needs {tag}" for tag, member in members.items() if member.required and tag not in tags)
        for tag in dict.fromkeys(tags):
            if tag not in members:
                yield f"{kind} has no {tag}"
            elif tags.count(tag) > 1 and not members[tag].many:
                yield f"{kind} has only one {tag}"
        known = [tag for tag in tags if tag in members]
        if known != sorted(known, key=list(members).index):
            yield f"{kind} has its elements in another order"
        for child, tag in zip(element, tags, strict=True):
            if tag in members:
                yield from (f"{kind}.{tag}: {misfit}" for misfit in self.misfits(child, members[tag].type))
