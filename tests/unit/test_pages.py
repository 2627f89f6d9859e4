"""What the pages print of values, times and records that are not plain."""

import json
from dataclasses import replace

import pytest

from chalicelib import pages
from chalicelib.core.ledger import (
    Answer,
    Base,
    BaseState,
    Cause,
    Entry,
    Existence,
    History,
    Intent,
    Issue,
    IssueKind,
)
from chalicelib.core.model import Digest, Known, Side
from tests.unit.core.scene import account

MAPPING = account()
NOW = 1_790_000_000.0
INTENT = Intent("op", {}, frozenset(), frozenset(), {}, {}, Existence.CREATE_SALESFORCE, True, NOW + 10)
ENTRY = Entry("k", "account", 1, alive=True, sfid="001", pk=("7",), updated_at=NOW)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (None, "(empty)"),
        (True, "true"),
        (False, "false"),
        ("Zoë Müller", "Zoë Müller"),
        (" x", '" x"'),
        ("a\nb", '"a\\nb"'),
        ("\x1b[2J", '"\\u001b[2J"'),
        ("ü\u202e", '"\\u00fc\\u202e"'),
        ("x" * 200, f"{'x' * pages.LONGEST}... (200 characters)"),
        (Digest("ab", 5000), "(a text of 5000 characters)"),
    ],
)
def test_a_value_is_one_line(held: Known, expected: str) -> None:
    """And cannot play tricks on a terminal."""
    assert pages.value(held) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-5.0, "0 s"), (59.9, "59 s"), (60.0, "1 min"), (7300.0, "2 h"), (200_000.0, "2 d")]
)
def test_a_span_of_time_is_short(seconds: float, expected: str) -> None:
    """In its largest unit."""
    assert pages.duration(seconds) == expected


def page(entry: Entry, *history: History) -> str:
    """A record's page."""
    return "\n".join(pages.record_page(entry, MAPPING, [], history, NOW))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"alive": None}, "not settled yet"),
        ({"alive": False}, "account record, deleted"),
        ({"outside": True}, "account record, outside of the mapping's filter (where): nothing is carried until"),
        ({"alive": False, "survivor": Side.POSTGRES}, "only in Postgres, where it is left alone"),
        ({"intent": INTENT}, "a worker writes it, until 2026-"),
        ({"intent": replace(INTENT, lease_until=0.0)}, "an operation was interrupted"),
        ({"answers": {"Name": Answer("a", ("x",), ("y",), ("z",), "ann")}}, "Name by ann, not carried out yet"),
        ({"sfid": None, "pk": None}, "Postgres        -"),
        (
            {"bases": {"place": Base(("Ulm", None), ("Ulm", None), ("Ulm", None))}},
            "  place         City Ulm, Zip (empty)",
        ),
        (
            {"bases": {"Name": Base(("a",), ("b",), None, BaseState.HALF)}},
            "  Name: a decision has reached one side only\n"
            "    agreed      a\n    Salesforce  (not known)\n    Postgres    b",
        ),
        ({"bases": {"gone": Base(("a", "b"), ("a", "c"), ("a", "b"))}}, "  gone\n    agreed      a, b"),
    ],
)
def test_a_record_says_how_it_is(parts: dict[str, object], expected: str) -> None:
    """Whether it is there, what is under way, what is known of each side."""
    assert expected in page(replace(ENTRY, **parts))  # type: ignore[arg-type]


def test_the_history_says_who_did_what_and_whether_it_took_place() -> None:
    """What was to be written and was not is told as such."""
    done = History("k", "account", NOW, "op1", Side.POSTGRES, Cause.EDIT, {"Name": "a"}, {"Name": "b"}, "ann")
    planned = History("k", "account", NOW, "op2", Side.SALESFORCE, Cause.DELETE, {"Name": "b"}, {})
    withdrawn = replace(planned, cause=Cause.WITHDRAWN, before={})
    told = page(ENTRY, withdrawn, planned, done)
    made = replace(done, cause=Cause.CREATE, before={}, after={"Name": "a", "Phone": None}, actor=None)
    assert page(ENTRY, made).endswith("Postgres: created, as in Salesforce\n    Name: a")
    assert "Postgres: edit of Salesforce by ann\n    Name: a -> b" in told
    assert "Salesforce: deleted, as in Postgres, which did not take place\n    Name: b -> (gone)" in told
    assert "nothing was overwritten yet" in page(ENTRY)


def test_an_issue_of_nothing_known_is_a_page_too() -> None:
    """A message that names no record, a mapping that is gone."""
    issue = Issue("m1", "unreadable", "", "*message", IssueKind.UNDELIVERABLE, NOW - 90, NOW, text="too often")
    told = "\n".join(pages.issue_page(issue, None, NOW))
    for part in (
        "UNDELIVERABLE m1",
        "1 min ago",
        "updated",
        "mapping         -",
        "says            too often",
        "`retry`",
    ):
        assert part in told
    other = replace(issue, fields=("Name",), actors={Side.POSTGRES: "app"}, closed_at=NOW, reason="sent again")
    told = "\n".join(pages.issue_page(other, None, NOW))
    for part in ("Salesforce    (not known)", "Postgres by     app", "sent again"):
        assert part in told


def test_anything_of_the_ledger_is_json() -> None:
    """Sets in order, keys of pairs as texts."""
    intent = replace(INTENT, on_postgres=frozenset({"b", "a"}))
    made = json.loads(pages.as_json(replace(ENTRY, intent=intent, echoes={(Side.POSTGRES, "Name"): ("x",)})))
    assert made["intent"]["on_postgres"] == ["a", "b"]
    assert made["intent"]["existence"] == "create_salesforce"
    assert made["echoes"] == {"postgres Name": ["x"]}
