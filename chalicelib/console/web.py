"""A request and a response of the console. What serves them is elsewhere."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
MOST_BYTES = 256 * 1024  # of a body
HTML = "text/html; charset=utf-8"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser, or a program, asks for.

    Attributes:
        method: in capitals.
        path: from ``/console`` on.
        prefix: what stands before the path in the caller's address: a REST API's stage, for instance.
        source: the caller's address.
        headers: by names in lower case.
        query: what stands behind the question mark; of a name that comes twice, the last.
        arguments: the parts of the path that the route names.
        body: as it came.
    """

    method: str
    path: str
    prefix: str = ""
    source: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def host(self) -> str:
        """The name under which the caller knows the console, with its port where it is no usual one."""
        return self.headers.get("host", "")

    @property
    def local(self) -> bool:
        """Whether it comes over plain HTTP from this machine: nothing but that is served without TLS."""
        name = self.host.rsplit(":", 1)[0] if not self.host.endswith("]") else self.host
        return self.headers.get("x-forwarded-proto", "http") == "http" and name in LOOPBACK

    @property
    def origin(self) -> str:
        """What a browser calls the console's own origin."""
        return f"{'http' if self.local else 'https'}://{self.host}"

    @property
    def is_api(self) -> bool:
        """Whether it is a program's: the answer is JSON then."""
        return self.path.startswith("/console/api/")

    @property
    def is_fragment(self) -> bool:
        """Whether a part of a page is wanted, and not the page."""
        return self.headers.get("hx-request") == "true"

    def cookie(self, name: str) -> str:
        """A cookie; empty where there is none."""
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(name)
        except CookieError:
            return ""
        return "" if found is None else found.value

    def form(self) -> Mapping[str, str]:
        """The fields of a form, or the texts of a JSON object; of a name that comes twice, the last."""
        return {name: values[-1] for name, values in self.form_lists().items()}

    def form_lists(self) -> Mapping[str, list[str]]:
        """The fields of a form with all their values; what is malformed has none."""
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        try:
            text = self.body.decode()
            if kind == FORM:
                return parse_qs(text, keep_blank_values=True, max_num_fields=10_000)
            content: Any = json.loads(text) if kind == JSON and text else {}
        except ValueError:
            return {}
        if not isinstance(content, dict):
            return {}
        return {name: found for name, value in content.items() if (found := _texts(value))}


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


@dataclass(frozen=True, slots=True)
class Response:
    """What the caller gets.

    Attributes:
        body: its text.
        status: HTTP status.
        content_type: of the body.
        headers: beside the type.
        cookies: values of ``Set-Cookie``.
    """

    body: str = ""
    status: int = HTTPStatus.OK
    content_type: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()

    def with_headers(self, headers: Mapping[str, str]) -> "Response":
        """The same with more headers; its own count."""
        return replace(self, headers={**headers, **self.headers})

    def with_cookie(self, cookie: str) -> "Response":
        """The same with one more cookie."""
        return replace(self, cookies=(*self.cookies, cookie))


def to_json(content: object, status: int = HTTPStatus.OK) -> Response:
    """An answer for a program."""
    return Response(json.dumps(content, ensure_ascii=False), status, JSON)


def see_other(request: Request, path: str) -> Response:
    """Send a browser on to another page of the console, which it is to GET.

    Args:
        request: that is answered.
        path: from ``/console`` on.
    """
    address = f"{request.prefix}{path}"
    if request.is_fragment:
        return Response("", HTTPStatus.OK, headers={"HX-Redirect": address})
    return Response("", HTTPStatus.SEE_OTHER, headers={"Location": address})
