"""Who may call: tokens, API keys, signatures, and how soon a changed secret is known."""

import hashlib
import hmac

import pytest

from chalicelib import callers
from chalicelib.callers import ASKED_EVERY, DAY, WINDOW, Callers, signature_of
from chalicelib.core.errors import Unavailable
from chalicelib.webhook_secret import Shared, WebhookSecret
from tests.fakes.clock import FakeClock
from tests.fakes.telemetry import MemoryTelemetry

OLD, NEW = "old-secret-0123456789", "new-secret-0123456789"
BODY = b'{"object": "Account"}'


def secret(*texts: str) -> WebhookSecret:
    """A secret that has these of every kind."""
    each = tuple(map(Shared, texts))
    return WebhookSecret(each, each, each)


class Desk:
    """Callers in their world.

    Attributes:
        known: the secret as it is remembered.
        now: the secret as it is.
        reads: for each read, whether it was a fresh one.
    """

    def __init__(self, known: WebhookSecret, now: WebhookSecret | None = None) -> None:
        self.known, self.now = known, now or known
        self.reads: list[bool] = []
        self.clock, self.telemetry = FakeClock(), MemoryTelemetry()
        self.callers = Callers(self.read, self.clock, self.telemetry)

    def read(self, *, fresh: bool = False) -> WebhookSecret:
        """Read the secret."""
        self.reads.append(fresh)
        if fresh:
            self.known = self.now
        return self.known

    def signed(self, key: str = NEW, body: bytes = BODY, late: float = 0, **headers: str) -> bool:
        """Whether a request that was signed so many seconds ago is let in."""
        at = str(int(self.clock.now() - late))
        signature = signature_of(key, at, BODY)
        given = {"x-twinledger-timestamp": at, "x-twinledger-signature": signature} | headers
        return self.callers.by_headers(given, body)


def test_a_new_secret_is_good_at_once() -> None:
    """It is not known, so the secret is read once more."""
    desk = Desk(secret(OLD), secret(OLD, NEW))
    assert desk.callers.by_token(NEW)
    assert desk.reads == [False, True]
    assert desk.callers.by_token(NEW)
    assert desk.reads == [False, True, False]


def test_guesses_do_not_read_the_secret_each_time() -> None:
    """Once in ten seconds, whatever is given and however often."""
    desk = Desk(secret(OLD))
    assert not any(desk.callers.by_token(f"guess-{number}") for number in range(100))
    assert not desk.callers.by_api_key("guess")
    assert not desk.signed("guess")
    assert desk.reads.count(True) == 1
    desk.clock.advance(ASKED_EVERY)
    assert not desk.callers.by_token("guess")
    assert desk.reads.count(True) == 2


def test_a_secret_that_cannot_be_read_again_lets_nobody_wait_twice() -> None:
    """The next guess within ten seconds is refused by what is remembered."""
    desk = Desk(secret(OLD))
    reads: list[bool] = []

    def away(*, fresh: bool = False) -> WebhookSecret:
        reads.append(fresh)
        if fresh:
            raise Unavailable
        return desk.known

    guarded = Callers(away, desk.clock, desk.telemetry)
    with pytest.raises(Unavailable):
        guarded.by_token("guess")
    assert not guarded.by_token("guess")
    assert guarded.by_token(OLD)
    assert reads == [False, True, False, False]


def test_nothing_given_reads_nothing() -> None:
    """No secret is empty."""
    desk = Desk(secret(OLD))
    assert not desk.callers.by_token("")
    assert not desk.callers.by_headers({}, BODY)
    assert desk.reads == []


def test_who_still_uses_an_old_secret_is_counted() -> None:
    """So that whoever changes it sees when it may go."""
    desk = Desk(secret(OLD, NEW))
    assert desk.callers.by_token(NEW)
    assert desk.telemetry.counts["OldSecret"] == 0
    assert desk.callers.by_token(OLD)
    assert desk.signed(OLD)
    assert desk.telemetry.counts["OldSecret"] == 2


def test_the_age_of_what_is_presented_is_told() -> None:
    """In days, where the secret says when it was made; nobody's guess is told anything."""
    desk = Desk(WebhookSecret((Shared(OLD, FakeClock().now() - 400 * DAY), Shared(NEW)), (), ()))
    assert not desk.callers.by_token("a guess")
    assert desk.callers.by_token(NEW)
    assert desk.telemetry.gauges == {}
    assert desk.callers.by_token(OLD)
    assert desk.telemetry.gauges == {"WebhookSecretAge": 400.0}


def test_every_comparison_is_made_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With each of the secrets, the first one being the right one or not, and of digests of one length."""
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(callers, "hmac", type("Hmac", (), {"compare_digest": compare, "new": hmac.new}))
    desk = Desk(secret(OLD, NEW))
    assert desk.callers.by_token(OLD)
    assert not desk.callers.by_token("short")
    assert compared == [(32, 32)] * 6


def test_a_signature_is_over_timestamp_and_body() -> None:
    """As the contract spells it."""
    expected = hmac.new(NEW.encode(), b"1795496767." + BODY, hashlib.sha256).hexdigest()
    assert signature_of(NEW, "1795496767", BODY) == expected


@pytest.mark.parametrize("key", [OLD, NEW])
@pytest.mark.parametrize("late", [0, WINDOW, -WINDOW])
def test_a_good_signature_is_taken(key: str, late: float) -> None:
    """By either of two keys, five minutes early or late at most."""
    assert Desk(secret(OLD, NEW)).signed(key, late=late)


@pytest.mark.parametrize("late", [WINDOW + 1, -WINDOW - 1])
def test_a_signature_of_another_time_is_refused(late: float) -> None:
    """Nor is the secret read for it."""
    desk = Desk(secret(OLD, NEW))
    assert not desk.signed(late=late)
    assert desk.reads == []


@pytest.mark.parametrize("at", ["", "noon", "-1", "1e9", "1790000000.0", " 1790000000", "\u0661790000000", "9" * 13])
def test_a_timestamp_is_whole_seconds(at: str) -> None:
    """In plain digits."""
    desk = Desk(secret(NEW))
    headers = {"x-twinledger-timestamp": at, "x-twinledger-signature": signature_of(NEW, at, BODY)}
    assert not desk.callers.by_headers(headers, BODY)


def test_a_signature_of_another_body_or_time_is_refused() -> None:
    """Neither may be exchanged."""
    desk = Desk(secret(NEW))
    assert not desk.signed(body=BODY + b" ")
    assert not desk.signed(**{"x-twinledger-timestamp": str(int(desk.clock.now()) + 1)})
    assert not desk.signed("another-key-0123456789")


def test_a_signature_that_is_given_has_to_be_good() -> None:
    """An API key beside it does not make it good; nor does a signature make up for a key that is none."""
    desk = Desk(secret(NEW))
    assert not desk.signed("another-key-0123456789", **{"x-api-key": NEW})
    assert desk.callers.by_headers({"x-api-key": NEW}, BODY)
    assert desk.signed(**{"x-api-key": "wrong"})


def test_without_keys_no_signature_is_good() -> None:
    """Signatures are not in use then."""
    assert not Desk(WebhookSecret((Shared(NEW),), (Shared(NEW),))).signed()
