"""Real messages of ``tests/events``, changed as nobody would who means well."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from hypothesis import strategies as st

EVENTS = Path(__file__).parents[1] / "events"
OUTBOUND = (EVENTS / "outbound_message_contact.xml").read_bytes()
REQUEST = (EVENTS / "record_change_request.json").read_bytes()
RELAYED = tuple(path.read_bytes() for path in sorted(EVENTS.glob("relay_*.json")))

Tree: TypeAlias = Element

_BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
FRAGMENTS = (
    _BOMB,
    b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
    b"&c;",
    b"&e;",
    b"&#0;",
    b"&#xD800;",
    b"&#xFFFF;",
    b"&#x10FFFF;",
    b"&#99999999999999999999;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?xml version='1.1'?>",
    b"<?php ?>",
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xef\xbb\xbf",
    b"\xfe\xff",
    b"</soapenv:Envelope>",
    b"<Notification>",
    b'xmlns=""',
    b'xmlns:sf="http://www.w3.org/2000/xmlns/"',
    b'xsi:nil="true"',
    b'xsi:type=":"',
)
TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "0", "-1", "true", "1e999", "NaN", "9" * 400, "x" * 70_000, "sf:Contact", "\u202e", "\ufeff"]
    ),
    st.sampled_from(["0001-01-01", "9999-12-31T23:59:59.999Z", "2026-11-24T05:06:07+23:59", "24:00:00Z", "1-1-1"]),
    st.sampled_from(["003xx000004TmiQAAS", "003XX000004TMIQAAS", "003xx000004TmiQ", "003xx000004TmiQAA!", "0" * 18]),
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=40
    ),
)
SPACES = (
    "",
    "http://soap.sforce.com/2005/09/outbound",
    "urn:sobject.enterprise.soap.sforce.com",
    "urn:x",
    "http://x y",
)
NAMES = ("Id", "sObject", "Notification", "notifications", "OrganizationId", "Body", "LastModifiedDate", "x", "\u00e9")
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
CODECS = ("utf-8", "utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7", "cp037", "us-ascii")


@st.composite
def xml(draw: st.DrawFn) -> bytes:
    """An outbound message whose tree was changed, spelt in some encoding, and then changed byte by byte."""
    root = fromstring(OUTBOUND)  # noqa: S314 - our own file
    for _ in range(draw(st.integers(0, 3))):
        elements = list(root.iter())
        element = elements[draw(st.integers(0, len(elements) - 1))]
        draw(st.sampled_from(_TREE))(draw, element)
    declared = draw(st.sampled_from((*[""] * 8, *CODECS, "no-such")))
    head = f"<?xml version='1.0' encoding='{declared}'?>" if declared else ""
    codec = draw(st.sampled_from((*[declared if declared in CODECS else "utf-8"] * 16, *CODECS)))
    text = head + tostring(root, encoding="unicode")
    return draw(damaged(text.encode(codec, errors="xmlcharrefreplace")))


def _remove(draw: st.DrawFn, element: Tree) -> None:
    if len(element):
        element.remove(element[draw(st.integers(0, len(element) - 1))])


def _repeat(draw: st.DrawFn, element: Tree) -> None:
    if len(element):
        element.extend([element[draw(st.integers(0, len(element) - 1))]] * draw(st.sampled_from([1, 2, 96, 97, 200])))


def _rename(draw: st.DrawFn, element: Tree) -> None:
    space = draw(st.sampled_from(SPACES))
    element.tag = f"{{{space}}}{draw(st.sampled_from(NAMES))}" if space else draw(st.sampled_from(NAMES))


def _write(draw: st.DrawFn, element: Tree) -> None:
    element.text = draw(TEXTS)


def _nest(draw: st.DrawFn, element: Tree) -> None:
    for _ in range(draw(st.sampled_from([1, 15, 100]))):
        element = SubElement(element, draw(st.sampled_from(NAMES[:-1])))


def _attribute(draw: st.DrawFn, element: Tree) -> None:
    name = draw(st.sampled_from([f"{XSI}type", f"{XSI}nil", "x", "{urn:y}x"]))
    element.set(name, draw(st.one_of(TEXTS, st.just("x" * 500_000))))


def _attributes(draw: st.DrawFn, element: Tree) -> None:
    for number in range(draw(st.sampled_from([1, 50, 2000]))):
        element.set(f"a{number}", "")


_TREE: tuple[Callable[[st.DrawFn, Tree], None], ...] = (
    _remove,
    _repeat,
    _rename,
    _write,
    _write,
    _nest,
    _attribute,
    _attributes,
)


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """Bytes of which some are missing, twice there, or others."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 4]))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 200)))
        piece = draw(
            st.one_of(st.just(b""), st.just(body[start:end] * 2), st.sampled_from(FRAGMENTS), st.binary(max_size=8))
        )
        body = body[:start] + piece + body[end:]
    return body


NUMBERS = st.sampled_from([None, True, False, 0, -1, 10**400, 1e308, float("nan"), float("inf"), 9_999_999_999_999])
ODD = st.sampled_from(
    ["\ud800", "a\udfffb", "\0", "\u0085", "\ufffe", "deleted", "GAP_OVERFLOW", "001*", "UPDATE", "x" * 101]
)
VALUES = st.recursive(
    NUMBERS | ODD | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
_ATOMS = {"number": NUMBERS, "text": ODD | TEXTS, "value": VALUES}


def tree_of(seed: bytes) -> "st.SearchStrategy[Any]":
    """A JSON document of which some values are others, missing, or twice there."""

    @st.composite
    def changed(draw: st.DrawFn) -> Any:
        document: list[Any] = [json.loads(seed)]
        for _ in range(draw(st.integers(0, 4))):
            places = list(_places(document))
            if places:
                _change(draw, *places[draw(st.integers(0, len(places) - 1))])
        return document[0] if document else None

    return changed()


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its keys."""
    for key in list(range(len(tree))) if isinstance(tree, list) else list(tree):
        yield tree, key
        if isinstance(tree[key], list | dict):
            yield from _places(tree[key])


def _change(draw: st.DrawFn, place: Any, key: Any) -> None:
    what = draw(st.sampled_from(["number", "number", "text", "text", "value", "missing", "several", "deep"]))
    if what in _ATOMS:
        place[key] = draw(_ATOMS[what])
    elif what == "missing":
        del place[key]
    elif what == "several":
        place[key] = [place[key]] * draw(st.sampled_from([0, 1, 2, 99, 101]))
    else:
        for _ in range(draw(st.sampled_from([2, 200]))):
            place[key] = [place[key]]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request of a flow, spelt in some encoding, and then changed byte by byte."""
    text = json.dumps(draw(tree_of(REQUEST)), ensure_ascii=draw(st.booleans()))
    depth = draw(st.sampled_from([0, 0, 0, 0, 50_000]))
    codec = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "utf-32", "utf-8-sig", "latin-1"]))
    return draw(damaged(b"[" * depth + text.encode(codec, errors="replace")))


def relayed() -> "st.SearchStrategy[Any]":
    """A relayed event, which EventBridge hands over as a JSON object."""
    return st.sampled_from(RELAYED).flatmap(tree_of).filter(lambda event: isinstance(event, dict))
