"""Who calls the webhooks: a caller has to know a secret, which is compared in time that tells nothing of it.

Secrets are remembered for minutes. One that is not known has them read again, at most every ten seconds, so that a new
one is good at once; one that was dropped is good until the secret's age is over.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from chalicelib.aws.metrics import Metric
from chalicelib.core.ports import Clock
from chalicelib.jobs.telling import Telemetry
from chalicelib.webhook_secret import Kind, Shared, WebhookSecret

API_KEY = "x-api-key"
TIMESTAMP = "x-twinledger-timestamp"
SIGNATURE = "x-twinledger-signature"
WINDOW = 300  # seconds by which a timestamp may differ from the clock
DAY = 86_400.0  # seconds
ASKED_EVERY = 10.0  # seconds between two reads for what is not known

_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class Secret(Protocol):
    """What callers have to know."""

    def __call__(self, *, fresh: bool = False) -> WebhookSecret:
        """Read it; as it is now, or as it was minutes ago at most."""
        ...


class Callers:
    """Tells callers who know a secret from those who do not.

    Args:
        secret: what they have to know; asked with every request, for it may change.
        clock: time.
        telemetry: counts who still uses a secret that is being replaced, and tells how old the used ones are.
    """

    def __init__(self, secret: Secret, clock: Clock, telemetry: Telemetry) -> None:
        self._secret = secret
        self._clock = clock
        self._telemetry = telemetry
        self._asked_at = float("-inf")

    def by_token(self, token: str) -> bool:
        """Whether the token in an address is good.

        Raises:
            TwinledgerError: the secret could not be read.
        """
        return self._knows(Kind.TOKEN, token, lambda text: text)

    def by_api_key(self, api_key: str) -> bool:
        """Whether an API key is good.

        Raises:
            TwinledgerError: the secret could not be read.
        """
        return self._knows(Kind.API_KEY, api_key, lambda text: text)

    def by_headers(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether a request has a good API key or, where it brings a signature, whether that is good.

        Raises:
            TwinledgerError: the secret could not be read.
        """
        signature = headers.get(SIGNATURE, "")
        if not signature:
            return self.by_api_key(headers.get(API_KEY, ""))
        timestamp = headers.get(TIMESTAMP, "")
        if not _SECONDS.fullmatch(timestamp) or abs(self._clock.now() - int(timestamp)) > WINDOW:
            return False
        return self._knows(Kind.HMAC, signature, lambda text: signature_of(text, timestamp, body))

    def _knows(self, kind: Kind, given: str, expected: Callable[[str], str]) -> bool:
        if not given:
            return False
        return self._good(kind, given, expected, self._secret()) or (
            self._may_ask() and self._good(kind, given, expected, self._secret(fresh=True))
        )

    def _good(self, kind: Kind, given: str, expected: Callable[[str], str], secret: WebhookSecret) -> bool:
        """Whether what was given is one of several; all are compared, whichever it is."""
        known = secret.all_of(kind)
        same = [_same(given, expected(shared.text)) for shared in known]
        if any(same):
            self._tell_age(known[same.index(True)], newest=same[-1])
        return any(same)

    def _tell_age(self, used: Shared, *, newest: bool) -> None:
        """These secrets have no end of their own: whoever wants them changed now and then looks at their age."""
        if not newest:
            self._telemetry.count(Metric.OLD_SECRET)
        if used.created_at is not None:
            self._telemetry.gauge(Metric.SECRET_AGE, (self._clock.now() - used.created_at) / DAY)

    def _may_ask(self) -> bool:
        now = self._clock.now()
        if now - self._asked_at < ASKED_EVERY:
            return False
        self._asked_at = now
        return True


def signature_of(key: str, timestamp: str, body: bytes) -> str:
    """The signature of a request: HMAC-SHA256 over the timestamp, a full stop and the body, in lower-case hex."""
    return hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _same(given: str, expected: str) -> bool:
    """Compare by digests, which are of one length."""
    return hmac.compare_digest(_digest(given), _digest(expected))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
