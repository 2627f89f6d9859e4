"""Every address of the console, in one table: the application serves these, and no others.

A handler is named, not imported: the functions that settle load the application too, and no page of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from chalicelib.console.call import Call
    from chalicelib.console.web import Response

ROOT = "/console"


class Access(StrEnum):
    """Who may use a route."""

    ANYONE = "anyone"  # signed in or not
    VIEWER = "viewer"  # whoever is signed in
    OPERATOR = "operator"  # whoever may act

    def allows(self, role: str | None) -> bool:
        """Whether somebody with this role may; None: nobody is signed in."""
        if self is Access.ANYONE:
            return True
        return role == Access.OPERATOR or (role == Access.VIEWER and self is Access.VIEWER)


@dataclass(frozen=True, slots=True)
class Route:
    """One address.

    Attributes:
        method: in capitals.
        path: from the API's root; a part in braces is an argument.
        access: who may use it.
        handler: ``MODULE:FUNCTION`` within this package.
        summary: what it does, in a line.
        foreign: whether a POST may come without the session's token: it is sent before there is a session.
    """

    method: str
    path: str
    access: Access
    handler: str
    summary: str
    foreign: bool = False

    @property
    def acts(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    @property
    def is_api(self) -> bool:
        """Whether it is for programs."""
        return self.path.startswith(f"{ROOT}/api/")

    @property
    def name(self) -> str:
        """One of its own."""
        return f"console_{self.method}_{self.path}".lower().translate(str.maketrans("/{}-.", "_____"))

    def find(self) -> "Callable[[Call], Response]":
        """Load the handler."""
        module, function = self.handler.split(":")
        found = getattr(import_module(f"chalicelib.console.{module}"), function)
        return cast("Callable[[Call], Response]", found)


ROUTES = (
    # --- how people come in, and leave
    Route("GET", ROOT, Access.ANYONE, "entry:home", "The overview, or the sign-in"),
    Route("GET", f"{ROOT}/sign-in", Access.ANYONE, "entry:form", "The sign-in"),
    Route("POST", f"{ROOT}/sign-in", Access.ANYONE, "entry:sign_in", "Sign in by an operator token", foreign=True),
    Route("POST", f"{ROOT}/sign-out", Access.VIEWER, "entry:sign_out", "End the session"),
    Route("GET", f"{ROOT}/static/{{name}}", Access.ANYONE, "static:serve", "A style sheet, a script or a picture"),
    # --- overview
    Route("GET", f"{ROOT}/overview", Access.VIEWER, "overview:page", "How everything does, in one look"),
    Route("GET", f"{ROOT}/overview/now", Access.VIEWER, "overview:fragment", "The overview's part that changes"),
    Route("GET", f"{ROOT}/api/overview", Access.VIEWER, "overview:api", "How everything does, as numbers"),
    # --- issues
    Route("GET", f"{ROOT}/issues", Access.VIEWER, "issues:listing", "Issues, page by page"),
    Route("GET", f"{ROOT}/issues/{{id}}", Access.VIEWER, "issues:show", "An issue, and both sides of it"),
    Route("GET", f"{ROOT}/issues/{{id}}/state", Access.VIEWER, "issues:state", "How a decision of an issue stands"),
    Route("POST", f"{ROOT}/issues/{{id}}/preview", Access.OPERATOR, "deeds:preview", "What an act would write"),
    Route("POST", f"{ROOT}/issues/{{id}}/act", Access.OPERATOR, "deeds:act", "Decide, retry or ignore an issue"),
    Route("POST", f"{ROOT}/issues-chosen", Access.OPERATOR, "deeds:several", "What an act on several would write"),
    Route("POST", f"{ROOT}/issues-chosen/act", Access.OPERATOR, "deeds:act_on_several", "Act on several issues"),
    Route("GET", f"{ROOT}/api/issues", Access.VIEWER, "issues:api_list", "Issues, page by page"),
    Route("GET", f"{ROOT}/api/issue-counts", Access.VIEWER, "issues:api_counts", "Open issues by mapping and kind"),
    Route("GET", f"{ROOT}/api/issues/{{id}}", Access.VIEWER, "issues:api_show", "An issue, its version, and its deeds"),
    Route("POST", f"{ROOT}/api/issues/{{id}}/preview", Access.OPERATOR, "deeds:api_preview", "What an act would write"),
    Route("POST", f"{ROOT}/api/issues/{{id}}/act", Access.OPERATOR, "deeds:api_act", "Act on an issue"),
    # --- audit
    Route("GET", f"{ROOT}/audit", Access.VIEWER, "audits:page", "Who did what, month by month"),
    Route("GET", f"{ROOT}/api/audit", Access.VIEWER, "audits:api", "Who did what: month, cursor"),
)
