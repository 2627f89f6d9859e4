"""Who may come in by an operator token: names, roles and digests, never the tokens themselves."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from chalicelib.console.sessions import digest


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an operator token.

    Attributes:
        name: goes into decisions and the audit.
        role: see :class:`chalicelib.console.routes.Access`.
        sha256: of the token, in lower-case hex.
    """

    name: str
    role: str
    sha256: str


class People(Protocol):
    """Those who have an operator token."""

    def __call__(self, *, fresh: bool = False) -> Iterable[Person]:
        """All of them; as it is now, or as it was minutes ago at most."""
        ...


def holder(people: Iterable[Person], token: str) -> Person | None:
    """Whose token it is; all are compared, whichever it is."""
    return bearer(people, digest(token)) if token else None


def bearer(people: Iterable[Person], sha256: str) -> Person | None:
    """Whose token has this digest; all are compared, whichever it is."""
    same = [person for person in people if hmac.compare_digest(person.sha256, sha256)]
    return same[0] if same else None
