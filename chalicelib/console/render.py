"""HTML of templates: every value is escaped, and one that is missing is an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.console import charts, words
from chalicelib.console.routes import ROOT, ROUTES, Access
from chalicelib.console.static import names
from chalicelib.console.web import Request, Response

if TYPE_CHECKING:
    from jinja2 import Environment

    from chalicelib.console.sessions import Session

FOLDER = Path(__file__).with_name("templates")
NAVIGATION = (
    ("overview", "Overview"),
    ("issues", "Issues"),
    ("records", "Records"),
    ("mappings", "Mappings"),
    ("audit", "Audit"),
    ("brakes", "Brakes"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around every page.

    Attributes:
        request: that is answered.
        session: who asks; None: nobody is signed in.
        stage: the deployment's name.
    """

    request: Request
    session: "Session | None"
    stage: str

    def url(self, path: str) -> str:
        """The address of a page, as a path.

        Args:
            path: after ``/console/``.
        """
        return f"{self.request.prefix}{ROOT}/{path}"

    def static(self, name: str) -> str:
        """The address of a file."""
        return self.url(f"static/{names()[name]}")

    @property
    def navigation(self) -> tuple[tuple[str, str], ...]:
        """Names and titles of the pages that there are."""
        pages = {route.path for route in ROUTES if route.method == "GET"}
        return tuple((name, title) for name, title in NAVIGATION if f"{ROOT}/{name}" in pages)

    @property
    def acts(self) -> bool:
        """Whether whoever asks may act."""
        return self.session is not None and Access.OPERATOR.allows(self.session.role)


class Pages:
    """Makes HTML.

    Args:
        stage: the deployment's name.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage

    @cached_property
    def _templates(self) -> "Environment":
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - the settling functions
        # load the routes, and no templates

        templates = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.filters.update({**words.FILTERS, **charts.FILTERS})
        return templates

    def page(
        self,
        template: str,
        request: Request,
        session: "Session | None",
        content: Mapping[str, Any],
        status: int = HTTPStatus.OK,
    ) -> Response:
        """A page, or a part of one.

        Args:
            template: a file of the folder.
            request: that is answered.
            session: who asks; None: nobody is signed in.
            content: what the template shows, by name.
            status: HTTP status.
        """
        frame = Frame(request, session, self._stage)
        return Response(str(self._templates.get_template(template).render(frame=frame, **content)), status)
