"""The flood's messages are what they say they are, and its checks notice what they are to notice."""

import random
from collections import Counter

import pytest

from chalicelib.aws.queues import hints_of
from tests.bench.flood.__main__ import Report, answered, grown
from tests.bench.flood.messages import MOST, XML, Message, envelope, good, hostile
from tests.bench.flood.sending import Seen
from tests.fuzz.intake import ORGANIZATION, SECRET, Intake

SFIDS = ["003xx000004TmiQAAS", "003xx000004TmiRAAS"]


def test_good_messages_are_taken_whole() -> None:
    """Each notification is one of its own, and in the queue."""
    for message in (good(SECRET, ORGANIZATION, SFIDS[:1]), good(SECRET, ORGANIZATION, SFIDS * (MOST // 2))):
        intake = Intake()
        assert intake.outbound_message(message.body).status == message.status == 200
        told = [hint for body in intake.queue.taken for hint in hints_of(body)]
        assert len({hint.hint_id for hint in told}) == len(told) == message.notifications


def test_hostile_messages_are_refused_as_they_say() -> None:
    """Of every sort; a wrong token and a wrong type are none of the body's."""
    draw, met = random.Random(1), Counter[int]()  # noqa: S311 - nothing secret is drawn
    for _ in range(300):
        message = hostile(draw, SECRET, ORGANIZATION, SFIDS)
        met[message.status] += 1
        assert message.notifications == 0
        assert (message.headers == XML) == (message.status != 415)
        if message.token == SECRET and message.status != 415:
            assert Intake().outbound_message(message.body).status == message.status
    assert set(met) == {400, 403, 413, 415}


def test_a_notification_is_as_long_as_a_real_one() -> None:
    """Some hundred bytes."""
    assert 500 < len(envelope(ORGANIZATION, SFIDS)) - len(envelope(ORGANIZATION, SFIDS[:1])) < 1000


@pytest.mark.parametrize(
    ("expected", "status", "acknowledged", "right"),
    [
        (200, 200, True, True),
        (200, 200, False, False),
        (200, 503, False, False),
        (200, 0, False, False),
        (403, 403, False, True),
        (403, 200, True, False),
        (400, 500, False, False),
    ],
)
def test_an_answer_is_right_or_a_failure(expected: int, status: int, acknowledged: bool, right: bool) -> None:
    """By its status and by what it says."""
    report = Report()
    answered([Seen(Message("any", "", b"", expected), status, acknowledged, 0.1)], report)
    assert (report.failures == []) == right


@pytest.mark.parametrize(
    ("before", "after", "flat"),
    [
        ({1: 80 << 20}, {1: 90 << 20, 2: 500 << 20}, True),
        ({1: 80 << 20, 2: 80 << 20}, {1: 60 << 20, 2: 97 << 20}, False),
        ({1: 80 << 20}, {2: 80 << 20}, False),
    ],
)
def test_a_process_that_grew_is_a_failure(before: dict[int, int], after: dict[int, int], flat: bool) -> None:
    """By more than 16 MiB; one that came meanwhile is none, and where none is left nothing is known."""
    report = Report()
    grown(before, after, report)
    assert (report.failures == []) == flat
