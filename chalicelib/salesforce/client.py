"""The one way to Salesforce's API: simple-salesforce with tokens of our own, one sign-in again, and sorted errors.

simple-salesforce is given a session id, which turns its own sign-in off: that one drops custom headers when it sends a
request again (a conditional write would go out unconditionally) and can recurse without end.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession

from chalicelib.core.ports import Clock
from chalicelib.salesforce.auth import Credentials, Token, mint
from chalicelib.salesforce.errors import translate
from chalicelib.salesforce.transport import Session

API_VERSION = "66.0"
CLIENT_NAME = "twinledger"
WRITE_HEADERS: Mapping[str, str] = {
    "Sforce-Duplicate-Rule-Header": "allowSave=true",  # a duplicate rule that warns must not stop a sync
    "Sforce-Auto-Assign": "FALSE",  # a write of the sync must not hand a lead or case to somebody else
}

_Call: TypeAlias = Callable[[Salesforce], Any]


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the org is and how to get in.

    Attributes:
        credentials: see :mod:`chalicelib.salesforce.auth`.
        version: API version.
        local_url: a server on this machine that stands for every ``https://*.salesforce.com``; None in production.
    """

    credentials: Credentials
    version: str = API_VERSION
    local_url: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """API requests of the last 24 hours, and how many the org may make."""

    used: int
    total: int

    @property
    def left(self) -> int:
        """Requests that are left."""
        return max(0, self.total - self.used)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Attributes:
        body: parsed JSON; None where there was none.
        asked_at: the org's clock when the request was sent, at the earliest, seconds since the epoch; None: unknown.
    """

    body: Any
    asked_at: float | None


@dataclass
class Client:
    """Calls one org as the integration user. Safe to share between threads.

    Every call raises a :class:`~chalicelib.core.errors.TwinledgerError`; after a timeout
    (:class:`~chalicelib.core.errors.Unavailable`) the request may still land.

    Attributes:
        connection: the org.
        clock: for the time in a signed assertion.
        calls: requests sent since the start, sign-ins not counted.
        usage: what the last answer said of the daily allowance; None: nothing yet.
    """

    connection: Connection
    clock: Clock
    calls: int = 0
    usage: Usage | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _token: Token | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._session = Session(CLIENT_NAME, local_url=self.connection.local_url)

    @property
    def user_id(self) -> str:
        """The integration user, 18 characters; signs in where that has not happened."""
        return self._signed_in().user_id

    @property
    def organization_id(self) -> str:
        """The org, 18 characters; signs in where that has not happened."""
        return self._signed_in().organization_id

    def rest(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Call the REST API.

        Args:
            method: HTTP method.
            path: below ``/services/data/vXX.X/``, without a leading slash.
            params: query parameters.
            json: body.
            headers: further headers; kept when the call is sent again after a new sign-in.
        """
        return self._call(
            lambda org: org.restful(
                path, params=dict(params or {}), method=method, headers=dict(headers or {}), json=json
            )
        )

    def apex(self, path: str, *, method: str = "GET", json: Any = None) -> Reply:
        """Call an Apex REST class below ``/services/apexrest/``."""
        return self._call(lambda org: org.apexecute(path, method=method, data=json))

    def page(self, url: str) -> Reply:
        """The next page of a query's result: ``nextRecordsUrl``."""
        return self._call(lambda org: org.query_more(url, identifier_is_url=True))

    def _call(self, call: _Call) -> Reply:
        token = self._signed_in()
        try:
            return self._once(call, token)
        except SalesforceExpiredSession:
            self._forget(token)
        except (SalesforceError, requests.RequestException) as error:
            raise translate(error) from error
        try:
            return self._once(call, self._signed_in())
        except (SalesforceError, requests.RequestException) as error:
            raise translate(error) from error

    def _once(self, call: _Call, token: Token) -> Reply:
        org = Salesforce(
            session_id=token.access_token,
            instance_url=token.instance_url,
            session=self._session,
            version=self.connection.version,
        )
        with self._lock:
            self.calls += 1
        try:
            body = call(org)
        finally:
            answer = self._session.last
            self._note_usage(answer.limit_info)
        return Reply(body, answer.asked_at)

    def _note_usage(self, limit_info: str) -> None:
        if limit_info:
            found = Salesforce.parse_api_usage(limit_info).get("api-usage")
            if found is not None:
                self.usage = Usage(found.used, found.total)

    def _signed_in(self) -> Token:
        with self._lock:
            if self._token is None:
                self._token = mint(self._session, self.connection.credentials, self.clock)
            return self._token

    def _forget(self, token: Token) -> None:
        with self._lock:
            if self._token is token:
                self._token = None
