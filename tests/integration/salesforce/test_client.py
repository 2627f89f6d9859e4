"""The client against a scripted server: what simple-salesforce gets wrong, it gets right."""

import threading
from email.utils import formatdate
from urllib.parse import parse_qs

import jwt
import pytest
from simple_salesforce.exceptions import SalesforceExpiredSession

from chalicelib.core.errors import (
    AccessDenied,
    ConfigurationError,
    QuotaExhausted,
    Rejected,
    Superseded,
    Unavailable,
)
from chalicelib.salesforce import transport
from chalicelib.salesforce.auth import JwtBearer
from chalicelib.salesforce.client import Client, Connection, Usage
from tests.contract.live_bench import (
    CONSUMER_KEY,
    CONSUMER_SECRET,
    LOGIN_URL,
    USERNAME,
    Org,
    SystemClock,
    private_pem,
    public_pem,
)
from tests.integration.salesforce.stub import ORGANIZATION_ID, USER_ID, Answer, Stub

EXPIRED = Answer(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
CONDITION = {"If-Unmodified-Since": "Tue, 10 Aug 2026 00:00:00 GMT"}


def test_one_sign_in_serves_many_calls(stub: Stub, client: Client) -> None:
    """A token is kept until Salesforce refuses it, and each call carries it and our name."""
    stub.say(Answer(body={"a": 1}), Answer(body={"b": 2}))
    assert [client.rest("GET", "limits").body, client.rest("GET", "limits").body] == [{"a": 1}, {"b": 2}]
    assert len(stub.sign_ins) == 1
    headers = stub.requests[1].headers
    assert (headers["Authorization"], headers["Sforce-Call-Options"]) == ("Bearer token-1", "client=twinledger")
    assert (stub.requests[1].path, headers["Host"]) == ("/services/data/v66.0/limits", "acme.my.salesforce.com")
    assert client.calls == 2


def test_who_we_are_comes_with_the_sign_in(stub: Stub, client: Client) -> None:
    """Org and user are known without a call."""
    assert (client.organization_id, client.user_id) == (ORGANIZATION_ID, USER_ID)
    assert stub.requests == []


def test_client_credentials_go_into_the_form(stub: Stub, client: Client) -> None:
    """The flow's three parameters, and nothing in the URL."""
    assert client.user_id
    form = {name: values[0] for name, values in parse_qs(stub.sign_ins[0].body).items()}
    assert form == {
        "grant_type": "client_credentials",
        "client_id": CONSUMER_KEY,
        "client_secret": CONSUMER_SECRET,
    }


def test_jwt_bearer_signs_its_claims(stub: Stub) -> None:
    """An RS256 assertion of three minutes with issuer, subject and audience."""
    client = Client(
        Connection(JwtBearer(f"{LOGIN_URL}/", CONSUMER_KEY, USERNAME, private_pem()), local_url=stub.url), SystemClock()
    )
    assert client.user_id
    form = {name: values[0] for name, values in parse_qs(stub.sign_ins[0].body).items()}
    claims = jwt.decode(form["assertion"], public_pem(), algorithms=["RS256"], audience=LOGIN_URL)
    assert (claims["iss"], claims["sub"]) == (CONSUMER_KEY, USERNAME)
    assert 180 >= claims["exp"] - SystemClock().now() > 100
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"


def test_expired_session_signs_in_again_and_keeps_the_condition(stub: Stub, client: Client) -> None:
    """The request that is sent again is the same request, its condition and its body included."""
    stub.say(EXPIRED, Answer(204))
    reply = client.rest("PATCH", "sobjects/Contact/003", json={"LastName": "X"}, headers=CONDITION)
    assert reply.body is None
    first, second = stub.requests
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer token-1", "Bearer token-2")
    assert CONDITION["If-Unmodified-Since"] == second.headers["If-Unmodified-Since"]
    assert (first.method, first.path, first.body) == (second.method, second.path, second.body)
    assert second.json["LastName"] == "X"


def test_lasting_401_ends(stub: Stub, client: Client) -> None:
    """Once more and no further, also where the answer is no JSON; the next call starts afresh."""
    html = Answer(401, "<html>who are you</html>", {"Content-Type": "text/html"})
    stub.say(EXPIRED, html, Answer(body={"a": 1}))
    with pytest.raises(AccessDenied):
        client.rest("GET", "limits")
    assert len(stub.requests) == 2
    assert client.rest("GET", "limits").body == {"a": 1}


def test_refused_sign_in_says_why(stub: Stub, client: Client) -> None:
    """OAuth's error reaches the operator; no API call is made."""
    stub.sign_in = Answer(400, {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"})
    with pytest.raises(AccessDenied, match="hasn't approved"):
        client.rest("GET", "limits")
    assert stub.requests == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(503, "<html>maintenance</html>"), Unavailable),
        (Answer(200, "<html>maintenance</html>"), Unavailable),
        (Answer(cut=True), Unavailable),
        (Answer(200, {"access_token": "t"}), AccessDenied),
        (Answer(200, ["list"]), Rejected),
    ],
)
def test_sign_in_that_does_not_work(stub: Stub, client: Client, answer: Answer, expected: type[Exception]) -> None:
    """A token endpoint that is down is waited for; an answer without a token is refused."""
    stub.sign_in = answer
    with pytest.raises(expected):
        client.rest("GET", "limits")


def test_key_that_is_none(stub: Stub) -> None:
    """A broken private key is a matter of configuration, and is not shown."""
    client = Client(
        Connection(JwtBearer(LOGIN_URL, CONSUMER_KEY, USERNAME, "SECRET TEXT"), local_url=stub.url), SystemClock()
    )
    with pytest.raises(ConfigurationError, match="RSA key") as caught:
        client.rest("GET", "limits")
    assert "SECRET TEXT" not in str(caught.value)
    assert "SECRET TEXT" not in repr(client)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(412, ""), Superseded),
        (Answer(503, "<html>maintenance</html>"), Unavailable),
        (Answer(200, "<html>maintenance</html>"), Unavailable),
        (
            Answer(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]),
            QuotaExhausted,
        ),
        (Answer(400, [{"errorCode": "STRING_TOO_LONG", "message": "m", "fields": ["Name"]}]), Rejected),
    ],
)
def test_answers_become_errors(stub: Stub, client: Client, answer: Answer, expected: type[Exception]) -> None:
    """What the org answers reaches the caller as the core's error."""
    stub.say(answer)
    with pytest.raises(expected):
        client.rest("PATCH", "sobjects/Contact/003", json={})
    assert len(stub.requests) == 1


def test_errors_after_signing_in_again_are_sorted_too(stub: Stub, client: Client) -> None:
    """The second try's own error is told."""
    stub.say(EXPIRED, Answer(503, "down"))
    with pytest.raises(Unavailable):
        client.rest("GET", "limits")


def test_write_is_never_sent_twice(stub: Stub, client: Client) -> None:
    """A connection that breaks after a write was sent leaves it open whether it landed: it is not sent again."""
    stub.say(Answer(cut=True))
    with pytest.raises(Unavailable):
        client.rest("PATCH", "sobjects/Contact/003", json={})
    assert len(stub.requests) == 1


def test_read_is_tried_once_more(stub: Stub, client: Client) -> None:
    """A connection that breaks under a read costs nothing."""
    stub.say(Answer(cut=True), Answer(body={"a": 1}))
    assert client.rest("GET", "limits").body == {"a": 1}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirected_write_is_not_followed(stub: Stub, client: Client, status: int) -> None:
    """It would be sent on as a read, or without its condition, and look like a success."""
    stub.say(Answer(status, "", {"Location": "https://other.my.salesforce.com/"}))
    with pytest.raises(ConfigurationError):
        client.rest("PATCH", "sobjects/Contact/003", json={}, headers=CONDITION)
    assert len(stub.requests) == 1


def test_silence_ends_in_a_timeout(stub: Stub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call has a timeout, though simple-salesforce sets none."""
    assert client.user_id
    monkeypatch.setattr(transport, "READ_SECONDS", 0.05)
    silence = threading.Event()
    stub.say(Answer(wait=silence))
    with pytest.raises(Unavailable, match=r"(?i)timed? ?out"):
        client.rest("POST", "composite", json={})
    silence.set()


def test_usage_of_the_daily_allowance(stub: Stub, client: Client) -> None:
    """The limit header is read on success, and an answer without it changes nothing."""
    stub.say(Answer(body={"a": 1}, headers={"Sforce-Limit-Info": "api-usage=99990/100000"}), Answer(body={"a": 1}))
    client.rest("GET", "limits")
    client.rest("GET", "limits")
    assert Usage(99_990, 100_000) == client.usage
    assert client.usage.left == 10


def test_usage_of_one_app_is_not_that_of_the_org(stub: Stub, client: Client) -> None:
    """A header without the org's own numbers says nothing."""
    stub.say(Answer(body={"a": 1}, headers={"Sforce-Limit-Info": "nothing of use"}))
    client.rest("GET", "limits")
    assert client.usage is None


def test_usage_is_read_from_errors_too(stub: Stub, client: Client) -> None:
    """The answer that says the allowance is gone says how much of it there was."""
    refused = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    stub.say(Answer(403, refused, {"Sforce-Limit-Info": "api-usage=100001/100000"}))
    with pytest.raises(QuotaExhausted):
        client.rest("GET", "limits")
    assert client.usage is not None
    assert client.usage.left == 0


def test_the_orgs_clock(stub: Stub, client: Client) -> None:
    """The time is that of the answer less what it took; without a date it is not known."""
    stub.say(
        Answer(body={"a": 1}, headers={"Date": formatdate(1_790_000_000, usegmt=True)}),
        Answer(body={"a": 1}),
        Answer(body={"a": 1}, headers={"Date": "noon"}),
    )
    asked_at = client.rest("GET", "limits").asked_at
    assert asked_at is not None
    assert 1_789_999_990 < asked_at < 1_790_000_000
    assert [client.rest("GET", "limits").asked_at for _ in range(2)] == [None, None]


def test_apex_and_pages_go_where_they_belong(stub: Stub, client: Client) -> None:
    """Apex REST and the next page of a query have URLs of their own."""
    stub.say(Answer(body={"contract": 1}), Answer(body={"done": True}))
    assert client.apex("twinledger/v1", method="POST", json={"x": None}).body == {"contract": 1}
    assert client.page("/services/data/v66.0/query/01g-2000").body == {"done": True}
    posted, page = stub.requests
    assert (posted.path, posted.json) == ("/services/apexrest/twinledger/v1", {"x": None})
    assert page.path == "/services/data/v66.0/query/01g-2000"


def test_two_threads_sign_in_once(stub: Stub, client: Client) -> None:
    """Threads share the token, and each knows the time of its own answer."""
    stub.say(*(Answer(body={"a": 1}) for _ in range(4)))
    threads = [threading.Thread(target=client.rest, args=("GET", "limits")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(stub.sign_ins), client.calls) == (1, 4)


def test_a_renewed_token_is_not_thrown_away(stub: Stub, client: Client) -> None:
    """A thread that learns late of the old token's end leaves the new one alone."""
    entered, leave = threading.Event(), threading.Event()

    def slow(org: object) -> None:
        entered.set()
        leave.wait(10)
        raise SalesforceExpiredSession("url", 401, "limits", b"")

    def late() -> None:
        with pytest.raises(AccessDenied):
            client._call(slow)

    thread = threading.Thread(target=late)
    thread.start()
    entered.wait(10)
    stub.say(EXPIRED, Answer(body={"a": 1}), Answer(body={"a": 1}))
    client.rest("GET", "limits")
    leave.set()
    thread.join()
    assert len(stub.sign_ins) == 2
    client.rest("GET", "limits")
    assert len(stub.sign_ins) == 2


@pytest.mark.parametrize("by_jwt", [True, False])
def test_both_flows_sign_in_to_an_org(org: Org, *, by_jwt: bool) -> None:
    """The org takes either, and knows the integration user."""
    client = org.client(jwt=by_jwt)
    assert org.control("GET", "users")["integration"]["userId"] == client.user_id
    assert org.control("GET", "health")["organizationId"] == client.organization_id
    assert client.rest("GET", "limits").body
    assert client.usage is not None


def test_expired_tokens_of_an_org(org: Org) -> None:
    """A token that the org expires in between costs one more sign-in, and the caller sees nothing."""
    client = org.client()
    client.rest("GET", "limits")
    org.control("POST", "tokens/expire", {"all": True})
    assert client.rest("GET", "limits").body
