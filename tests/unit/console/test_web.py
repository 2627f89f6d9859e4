"""Requests as the console reads them."""

import pytest

from chalicelib.console.web import FORM, JSON, Request


@pytest.mark.parametrize(
    ("host", "scheme", "local"),
    [
        ("127.0.0.1:4566", None, True),
        ("localhost", "http", True),
        ("[::1]:4566", "http", True),
        ("[::1]", "http", True),
        ("127.0.0.1", "https", False),
        ("127.0.0.1.example", "http", False),
        ("console.example", "http", False),
    ],
)
def test_this_machine_is_told_by_its_name(host: str, scheme: str | None, local: bool) -> None:
    """And by the lack of TLS."""
    headers = {"host": host} | ({"x-forwarded-proto": scheme} if scheme else {})
    request = Request("GET", "/console", headers=headers)
    assert request.local is local
    assert request.origin == f"{'http' if local else 'https'}://{host}"


def test_cookies_are_found_by_name() -> None:
    """What is no cookie is none."""
    request = Request("GET", "/console", headers={"cookie": "a=1; __Host-twinledger=x-_9"})
    assert request.cookie("__Host-twinledger") == "x-_9"
    assert request.cookie("b") == ""
    assert Request("GET", "/console", headers={"cookie": "a\x00=;;"}).cookie("a") == ""


@pytest.mark.parametrize(
    ("kind", "body", "form"),
    [
        (FORM, b"a=1&b=&a=2", {"a": ["1", "2"], "b": [""]}),
        (f"{FORM}; charset=utf-8", b"a=%C3%A9", {"a": ["é"]}),
        (JSON, b'{"a": "1", "b": ["2", "3"], "c": 4, "d": [5]}', {"a": ["1"], "b": ["2", "3"]}),
        (JSON, b"[1]", {}),
        (JSON, b"{", {}),
        (JSON, b"", {}),
        (FORM, b"\xff", {}),
        ("text/plain", b"a=1", {}),
    ],
)
def test_forms_are_read(kind: str, body: bytes, form: dict[str, list[str]]) -> None:
    """As a browser sends them, or a program; nothing of what is neither."""
    request = Request("POST", "/console", headers={"content-type": kind}, body=body)
    assert request.form_lists() == form
    assert request.form() == {name: values[-1] for name, values in form.items()}
