"""Whatever comes is taken whole or refused by us: no error, no half of a message, nothing that SQS would not take."""

import json
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz import mutations
from tests.fuzz.intake import Intake

# A function has 30 seconds. Whatever needs a third of them on a busy machine is an attack that worked.
FUZZED = settings(max_examples=250, deadline=10_000, suppress_health_check=list(HealthCheck))


@FUZZED
@given(mutations.xml())
def test_outbound_messages(body: bytes) -> None:
    """Of any tree, in any encoding, with any damage."""
    Intake().outbound_message(body)


@FUZZED
@given(st.binary(max_size=300) | st.text().map(lambda text: text.encode(errors="replace")))
def test_what_is_no_message_at_all(body: bytes) -> None:
    """To either endpoint."""
    assert Intake().outbound_message(body).status == 400
    Intake().events(body)


@FUZZED
@given(mutations.requests())
@example(rb'{"object": "Contact", "record_id": "003xx000004TmiQAAS", "change": "updated", "event_id": "\ud800"}')
def test_events_of_flows(body: bytes) -> None:
    """Of any structure, in any encoding, with any damage."""
    Intake().events(body)


@FUZZED
@given(mutations.relayed())
def test_relayed_events(event: dict[str, Any]) -> None:
    """Of any structure; EventBridge has parsed them already."""
    Intake().relayed(event)


def test_what_nobody_changed_is_taken() -> None:
    """The messages from which the others are made pass, and are in the queue."""
    intake = Intake()
    assert intake.outbound_message(mutations.OUTBOUND).status == 200
    assert len(intake.queue.taken) == 3
    assert intake.events(mutations.REQUEST).status == 202
    for text in mutations.RELAYED:
        intake.relayed(json.loads(text))
    assert intake.telemetry.counts["Received"] == len(intake.queue.taken) > 5
    assert intake.resynced != []


def test_the_changes_reach_every_answer() -> None:
    """A strategy that is refused at the first byte each time would prove nothing."""
    answers: Counter[int] = Counter()

    @settings(FUZZED, database=None, derandomize=True)
    @given(mutations.xml())
    def count(body: bytes) -> None:
        answers[Intake().outbound_message(body).status] += 1

    count()
    assert set(answers) >= {200, 400}
    assert answers[200] > 20
