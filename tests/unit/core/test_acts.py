"""What a person does about an issue: its version, and what would become of its fields."""

from dataclasses import replace

import pytest

from chalicelib.core.acts import Becomes, becomes, version_of
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.model import Side

ISSUE = Issue(
    "i", "key", "account", "Name", IssueKind.CONFLICT, 1.0, 2.0,
    fields=("Name",), postgres={"Name": "a"}, salesforce={"Name": "b"},
)  # fmt: skip


@pytest.mark.parametrize(
    "moved",
    [
        replace(ISSUE, updated_at=3.0),
        replace(ISSUE, closed_at=3.0),
        replace(ISSUE, postgres={"Name": "c"}),
        replace(ISSUE, salesforce={"Name": "a"}, postgres={"Name": "b"}),
        replace(ISSUE, text="more"),
    ],
)
def test_an_issue_that_shows_something_else_has_another_version(moved: Issue) -> None:
    """Whoever saw the earlier one did not see this."""
    assert version_of(moved) != version_of(ISSUE)
    assert version_of(replace(ISSUE)) == version_of(ISSUE)


def test_what_differs_is_written() -> None:
    """A side that is not known is written, too."""
    held = {Side.SALESFORCE: "b", Side.POSTGRES: "a"}
    assert becomes(ISSUE, {"Name": "b"}) == (Becomes("Name", held, "b", (Side.POSTGRES,)),)
    bare = replace(ISSUE, postgres={}, salesforce={})
    assert becomes(bare, {"Name": None}) == (Becomes("Name", {}, None, tuple(Side)),)
