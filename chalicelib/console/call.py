"""One call of a handler: the request, who sent it, and all that the console has."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.console.web import Request

if TYPE_CHECKING:
    from chalicelib.console.parts import Parts
    from chalicelib.console.sessions import Session


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler is given.

    Attributes:
        request: what is asked for.
        session: who asks; None: nobody is signed in.
        parts: what the console has.
    """

    request: Request
    session: "Session | None"
    parts: "Parts"

    @property
    def who(self) -> "Session":
        """Who asks, where a route lets in nobody else.

        Raises:
            LookupError: nobody is signed in.
        """
        if self.session is None:
            raise LookupError("nobody is signed in")
        return self.session
