"""What an error says about the message whose work it ended."""

import pytest

from chalicelib.core import errors
from chalicelib.core.errors import Decision, MappingError, Parked, RetryLater, TwinledgerError


@pytest.mark.parametrize(
    ("name", "decision"),
    [
        ("RecordLocked", Decision.RETRY),
        ("Throttled", Decision.RETRY),
        ("QuotaExhausted", Decision.RETRY),
        ("Unavailable", Decision.RETRY),
        ("Superseded", Decision.RETRY),
        ("Rejected", Decision.PARK),
        ("ParentMissing", Decision.PARK),
        ("NotMapped", Decision.DROP),
        ("ConfigurationError", Decision.HALT),
        ("AccessDenied", Decision.HALT),
        ("ProtocolError", Decision.HALT),
    ],
)
def test_the_class_says_the_decision(name: str, decision: Decision) -> None:
    """Whoever catches an error knows from its class alone what to do with the message."""
    error: TwinledgerError = getattr(errors, name)("why")

    assert (error.decision, str(error)) == (decision, "why")


def test_an_error_without_a_message_says_what_its_class_means() -> None:
    """The first line of the docstring is the message, and nothing of what follows it."""
    assert str(RetryLater()) == "The same work may pass later."


def test_an_error_of_a_class_without_a_docstring_has_an_empty_message() -> None:
    """A class that says nothing of itself is no reason to fail while failing."""

    class Silent(TwinledgerError): ...

    assert str(Silent()) == ""


def test_a_retry_may_name_its_time() -> None:
    """A system that says when to come back is believed; without a word the caller backs off by itself."""
    assert [RetryLater(after=30.0).after, RetryLater("later").after] == [30.0, None]


def test_a_refusal_keeps_the_systems_own_words() -> None:
    """Code, text and the blamed fields are what a person needs to mend the data."""
    error = Parked("too long", code="STRING_TOO_LONG", fields=["Name"])

    assert (str(error), error.code, error.fields) == ("too long", "STRING_TOO_LONG", ("Name",))


def test_a_refusal_that_blames_nothing() -> None:
    """A system that names neither code nor fields leaves both empty."""
    assert (Parked("no").code, Parked("no").fields) == ("", ())


def test_all_problems_of_a_mapping_are_listed() -> None:
    """One line each, so that a person mends them at one go."""
    error = MappingError(["first", "second"])

    assert (str(error), error.problems, error.decision) == ("first\nsecond", ("first", "second"), Decision.HALT)
