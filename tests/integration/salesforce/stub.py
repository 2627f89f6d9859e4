"""A scripted Salesforce: answers requests one after the other with what a test lined up, and remembers them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ORGANIZATION_ID = "00D000000000001EAA"
USER_ID = "005000000000001AAA"


@dataclass
class Request:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Answer:
    """What to say; ``body`` may be JSON or a text as it is; ``cut`` closes the connection without one, and so
    does ``wait``, once the test has let it go.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    wait: threading.Event | None = None


@dataclass
class Stub:
    """The server's script and log."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    sign_ins: list[Request] = field(default_factory=list)
    sign_in: Answer | None = None

    def say(self, *answers: Answer) -> None:
        """Line up answers to API calls; sign-ins have their own."""
        self.answers += answers

    def reply(self, request: Request) -> Answer:
        """The next answer."""
        if request.path == "/services/oauth2/token":
            self.sign_ins.append(request)
            return self.sign_in or granted(len(self.sign_ins))
        self.requests.append(request)
        return self.answers.pop(0)


def granted(number: int) -> Answer:
    """A sign-in that succeeds, with a new token each time."""
    return Answer(
        body={
            "access_token": f"token-{number}",
            "instance_url": "https://acme.my.salesforce.com",
            "id": f"https://login.salesforce.com/id/{ORGANIZATION_ID}/{USER_ID}",
            "token_type": "Bearer",
        }
    )


@contextmanager
def serve() -> Iterator[Stub]:
    """Run a stub."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            answer = stub.reply(Request(self.command, self.path, dict(self.headers), body))
            if answer.wait is not None:
                answer.wait.wait(10)
            if answer.cut or answer.wait is not None:
                self.close_connection = True
                self.connection.close()
                return
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            data = b"" if answer.body is None else text.encode()
            self.send_response_only(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the names of http.server

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
