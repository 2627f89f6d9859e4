"""Sessions of people: known to the server by a digest of what the browser has, so that who reads the ledger has none.

A session ends when its person signs out, half an hour after the last request, eight hours after its beginning, and
once the operator token that it began with is no longer in the secret.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from chalicelib.console.web import Request
from chalicelib.core.ports import Clock

LIFE = 8 * 3600.0  # seconds
IDLE = 1800.0  # seconds without a request
TOUCHED = 60.0  # seconds for which a use is not noted again

KIND = "session"


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in.

    Attributes:
        key: digest of what the browser has.
        actor: a name, which goes into decisions and the audit.
        role: see :class:`chalicelib.console.routes.Access`.
        begun: when, seconds since the epoch.
        seen: the last use that was noted.
        csrf: what each form has to bring along.
        credential: digest of the operator token; empty: it began in another way.
    """

    key: str
    actor: str
    role: str
    begun: float
    seen: float
    csrf: str
    credential: str = ""

    @property
    def ends(self) -> float:
        """When it ends unless it is used again."""
        return min(self.begun + LIFE, self.seen + IDLE)


class Tickets(Protocol):
    """Things that expire by themselves. ``now`` and ``expires_at`` are seconds since the epoch."""

    def put(self, kind: str, key: str, content: Mapping[str, str], expires_at: float) -> None:
        """Write one; whatever stood there is gone."""
        ...

    def get(self, kind: str, key: str, now: float) -> Mapping[str, str] | None:
        """Read one; None where there is none any more."""
        ...

    def prolong(self, kind: str, key: str, content: Mapping[str, str], expires_at: float) -> bool:
        """Write one that is still there; whether it was."""
        ...

    def take(self, kind: str, key: str, now: float) -> Mapping[str, str] | None:
        """Read one and delete it: of several who do so one gets it."""
        ...

    def drop(self, kind: str, key: str) -> None:
        """Delete one, if it is there."""
        ...

    def count(self, kind: str, key: str, expires_at: float) -> int:
        """Count one more of a kind; how many there are."""
        ...


class Sessions:
    """Begins, finds and ends sessions.

    Args:
        tickets: where they are kept.
        clock: time.
    """

    def __init__(self, tickets: Tickets, clock: Clock) -> None:
        self._tickets = tickets
        self._clock = clock

    def begin(self, request: Request, actor: str, role: str, credential: str = "") -> tuple[Session, str]:
        """A new session, and the cookie that the browser is to keep.

        Raises:
            TwinledgerError: the ledger refused.
        """
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        session = Session(digest(secret), actor, role, now, now, _csrf(secret), credential)
        self._tickets.put(KIND, session.key, _content(session), session.ends)
        return session, cookie(request, secret, LIFE)

    def of(self, request: Request) -> Session | None:
        """The session that a request belongs to; None: to none that is still good.

        Raises:
            TwinledgerError: the ledger did not answer.
        """
        secret, now = request.cookie(cookie_name(request)), self._clock.now()
        if not secret:
            return None
        found = self._tickets.get(KIND, digest(secret), now)
        if found is None:
            return None
        session = Session(
            digest(secret),
            found["actor"],
            found["role"],
            float(found["begun"]),
            float(found["seen"]),
            _csrf(secret),
            found["credential"],
        )
        return self._used(session, now) if session.ends > now else None

    def end(self, session: Session) -> None:
        """Sign out.

        Raises:
            TwinledgerError: the ledger refused.
        """
        self._tickets.drop(KIND, session.key)

    def _used(self, session: Session, now: float) -> Session | None:
        """Note that a session was used, unless it was ended meanwhile.

        one request        ledger        signing out
          |-- read: there ---|                |
          |                  |<==== drop =====|
          |== prolong ======>|  refused: it is not there any more
        """
        if now - session.seen < TOUCHED:
            return session
        used = replace(session, seen=now)
        return used if self._tickets.prolong(KIND, used.key, _content(used), used.ends) else None


def digest(text: str) -> str:
    """What is stored of a secret text."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def cookie_name(request: Request) -> str:
    """The name under which the browser keeps the session.

    With the prefix ``__Host-`` a browser takes a cookie over TLS only, and from no other host (RFC 6265bis, 4.1.3.2).
    Without TLS, on this machine alone, it needs another name.
    """
    return "twinledger" if request.local else "__Host-twinledger"


def cookie(request: Request, value: str, seconds: float) -> str:
    """A ``Set-Cookie``; an age of 0 deletes it.

    ``Lax``: a link to a page leads there signed in, a foreign form does not.
    """
    secure = "" if request.local else "; Secure"
    return f"{cookie_name(request)}={value}; Path=/; Max-Age={int(seconds)}; HttpOnly; SameSite=Lax{secure}"


def _csrf(secret: str) -> str:
    """What only a page of this session knows: a foreign page neither sees the cookie nor what is made of it."""
    return digest(f"csrf {secret}")


def _content(session: Session) -> dict[str, str]:
    return {
        "actor": session.actor,
        "role": session.role,
        "begun": repr(session.begun),
        "seen": repr(session.seen),
        "credential": session.credential,
    }
