"""What every list of issues does, in memory and in DynamoDB."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from chalicelib.aws import clients
from chalicelib.aws.archive import Archive
from chalicelib.aws.table import Table
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.listing import Cursor, IssueState, Page, Wanted
from tests.contract.test_ledger import issue
from tests.fakes.archive import MemoryArchive
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import MemoryLedger
from tests.integration.aws.stage import Stage

AnyArchive = MemoryArchive | Archive
KINDS = (IssueKind.CONFLICT, IssueKind.REJECTED)


@pytest.fixture(params=["memory", "dynamodb"])
def archive(request: pytest.FixtureRequest) -> AnyArchive:
    """One of each kind."""
    if request.param == "memory":
        return MemoryArchive(MemoryLedger())
    aws: Stage = request.getfixturevalue("aws")
    return Archive(Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], FakeClock()))


@dataclass(frozen=True)
class Given:
    """Issues of two mappings and minutes that no other test uses, opened a second apart, in order of opening."""

    account: str
    contact: str
    start: float
    issues: list[Issue]

    def ids(self, of: Callable[[Issue], bool] = lambda _: True) -> list[str]:
        """The ids of some of them."""
        return [one.id for one in self.issues if of(one)]

    @property
    def both(self) -> tuple[str, ...]:
        """Both mappings."""
        return self.account, self.contact


@pytest.fixture
def given(archive: AnyArchive) -> Given:
    """Thirty open issues: two mappings, two kinds."""
    run, start = uuid.uuid4().hex, 1e6 + uuid.uuid4().int % 10**6 * 100.0
    account, contact = f"account-{run}", f"contact-{run}"
    made = [
        replace(
            issue(f"{run}-{number}", f"{run}-{number:02}", kind=KINDS[number % 3 == 0], opened_at=start + number),
            mapping=contact if number % 5 == 0 else account,
        )
        for number in range(30)
    ]
    for one in made:
        archive.report(one)
    return Given(account, contact, start, made)


def pages(archive: AnyArchive, wanted: Wanted, limit: int) -> Iterator[Page]:
    """A list, page by page."""
    cursor: Cursor | None = None
    while True:
        page = archive.page(wanted, limit, cursor)
        yield page
        if page.next is None:
            return
        cursor = Cursor.of(page.next.text)


def ids(page: Page) -> list[str]:
    """What is on a page."""
    return [one.id for one in page.issues]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_list_is_read_page_by_page(archive: AnyArchive, given: Given, newest_first: bool) -> None:
    """Over all partitions, in either order, each issue once, and no page is longer than asked for."""
    read = list(pages(archive, Wanted(mappings=given.both, newest_first=newest_first), 7))
    listed = [one for page in read for one in ids(page)]
    assert listed == (given.ids()[::-1] if newest_first else given.ids())
    assert [len(page.issues) for page in read] == [7, 7, 7, 7, 2]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_list_is_read_back(archive: AnyArchive, given: Given, newest_first: bool) -> None:
    """Each page leads to the one before as it was; the first one leads no further."""
    wanted = Wanted(mappings=given.both, newest_first=newest_first)
    forth = [ids(page) for page in pages(archive, wanted, 10)]
    *_, page = pages(archive, wanted, 10)
    back = [ids(page)]
    while page.previous is not None:
        page = archive.page(wanted, 10, page.previous)
        back.insert(0, ids(page))
    assert back == forth
    assert page.next is not None


def test_a_list_is_narrowed(archive: AnyArchive, given: Given) -> None:
    """By mapping, by kind, by both, and by time: the first moment is in it, the last is not."""

    def listed(wanted: Wanted) -> list[str]:
        return ids(archive.page(wanted, 100))

    refused = (IssueKind.REJECTED,)
    assert listed(Wanted(mappings=(given.account,))) == given.ids(lambda one: one.mapping == given.account)
    assert listed(Wanted(mappings=given.both, kinds=refused)) == given.ids(lambda one: one.kind in refused)
    both = given.ids(lambda one: one.kind in refused and one.mapping == given.contact)
    assert listed(Wanted(mappings=(given.contact,), kinds=refused)) == both
    assert listed(Wanted(mappings=given.both, since=given.start + 4, until=given.start + 9)) == given.ids()[4:9]
    assert listed(Wanted(mappings=("nothing",))) == []
    assert listed(Wanted(since=given.start, until=given.start + 30)) == given.ids()


def test_a_closed_issue_changes_its_list(archive: AnyArchive, given: Given) -> None:
    """It stands among the closed ones by when it was closed; a cursor that stood on it still leads on."""
    first = archive.page(Wanted(mappings=given.both), 3)
    gone = replace(given.issues[2], closed_at=5000.0, reason="a person decided: ann")
    archive.report(gone)
    archive.report(replace(given.issues[7], closed_at=4000.0))
    assert ids(archive.page(Wanted(mappings=given.both), 3, first.next)) == given.ids()[3:6]
    closed = Wanted(state=IssueState.CLOSED, mappings=given.both, newest_first=True)
    assert ids(archive.page(closed, 3)) == [gone.id, given.issues[7].id]
    assert archive.page(closed, 3).issues[0].reason == gone.reason


def test_a_list_that_ended_meanwhile_is_empty(archive: AnyArchive, given: Given) -> None:
    """It leads nowhere, so that one begins anew."""
    (*_, last) = pages(archive, Wanted(mappings=given.both), 15)
    beyond = Cursor(f"{9999999999:017.6f}#z")
    assert (ids(last), archive.page(Wanted(mappings=given.both), 15, beyond)) == (given.ids()[15:], Page(()))


def test_open_issues_are_counted(archive: AnyArchive, given: Given) -> None:
    """By mapping and kind, up to a number; closed ones are not."""
    archive.report(replace(given.issues[0], closed_at=5000.0))
    assert archive.counts(given.both, 100) == {
        (given.account, IssueKind.CONFLICT): 16,
        (given.account, IssueKind.REJECTED): 8,
        (given.contact, IssueKind.CONFLICT): 4,
        (given.contact, IssueKind.REJECTED): 1,
    }
    assert archive.counts((given.account,), 10)[given.account, IssueKind.CONFLICT] == 10
