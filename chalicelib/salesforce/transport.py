"""HTTP beneath simple-salesforce: timeouts, retries that are always safe, and what the headers of an answer say."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0  # Salesforce waits up to 10 s for a row lock before it answers


@dataclass(frozen=True, slots=True)
class Answer:
    """What the headers of one answer say.

    Attributes:
        asked_at: the org's clock when the request was sent, at the earliest; seconds since the epoch; None where the
            answer had no ``Date``.
        limit_info: ``Sforce-Limit-Info``; empty where the answer had none.
    """

    asked_at: float | None = None
    limit_info: str = ""


class Session(requests.Session):
    """A requests session with timeouts that remembers the headers of each thread's last answer."""

    def __init__(self, client_name: str, *, local_url: str | None = None) -> None:
        super().__init__()
        self._answers = threading.local()
        self.max_redirects = 0  # a redirected write would be sent on as a GET
        self.trust_env = False  # no proxy, netrc or certificate of the machine's may take part
        self.headers["Sforce-Call-Options"] = f"client={client_name}"
        adapter = _LocalAdapter(local_url) if local_url else _Adapter()
        self.mount("https://", adapter)

    @property
    def last(self) -> Answer:
        """The headers of this thread's last answer."""
        return getattr(self._answers, "last", Answer())

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send, and take the time: :attr:`last` then tells about this answer."""
        self._answers.last = Answer()
        started = time.monotonic()
        response = super().send(request, **kwargs)
        self._answers.last = _answer(response.headers, time.monotonic() - started)
        return response


def _answer(headers: Mapping[str, str], elapsed: float) -> Answer:
    """``Date`` is a whole second, perhaps of the end: the request was sent at most ``elapsed`` before it."""
    try:
        asked_at = parsedate_to_datetime(headers["Date"]).timestamp() - elapsed
    except (KeyError, ValueError):
        asked_at = None
    return Answer(asked_at, headers.get("Sforce-Limit-Info", ""))


class _Adapter(HTTPAdapter):
    """Connections that time out, and are tried again only where nothing can have reached Salesforce, or on a GET."""

    def __init__(self) -> None:
        retries = Retry(
            total=1, connect=1, read=1, redirect=0, status=0, other=0, allowed_methods={"GET"}, backoff_factor=0.1
        )
        super().__init__(max_retries=retries)

    def send(  # type: ignore[override]  # requests passes all of them by name
        self, request: requests.PreparedRequest, *, timeout: Any = None, **kwargs: Any
    ) -> requests.Response:
        return super().send(request, timeout=timeout or (CONNECT_SECONDS, READ_SECONDS), **kwargs)


class _LocalAdapter(_Adapter):
    """Sends what goes to ``https://*.salesforce.com`` to a server on this machine instead; the one-machine stack's."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._local = urlsplit(url)

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, *, timeout: Any = None, **kwargs: Any
    ) -> requests.Response:
        sent = request.copy()
        asked = urlsplit(str(request.url))
        sent.headers["Host"] = asked.netloc
        sent.url = urlunsplit((self._local.scheme, self._local.netloc, asked.path, asked.query, asked.fragment))
        response = super().send(sent, timeout=timeout, **kwargs)
        response.request = request
        return response
