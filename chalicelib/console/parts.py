"""What the console has: its own parts, and ports to the rest of Twinledger."""

from dataclasses import dataclass

from chalicelib.console.issues import Desk
from chalicelib.console.overview import Board
from chalicelib.console.people import People
from chalicelib.console.render import Pages
from chalicelib.console.sessions import Sessions, Tickets
from chalicelib.core.audit import Audit
from chalicelib.core.ports import Clock


@dataclass(frozen=True, slots=True)
class Parts:
    """See :class:`chalicelib.console.call.Call`.

    Attributes:
        stage: the deployment's name, shown on every page.
        clock: time.
        pages: what makes HTML.
        tickets: what expires by itself.
        sessions: of those who are signed in.
        people: who has an operator token.
        board: how everything does.
        desk: issues, and what people do about them.
        audit: what people did.
    """

    stage: str
    clock: Clock
    pages: Pages
    tickets: Tickets
    sessions: Sessions
    people: People
    board: Board
    desk: Desk
    audit: Audit
