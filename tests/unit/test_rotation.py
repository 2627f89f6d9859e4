"""The command that changes what callers of the webhooks have to know."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.commands import FAILED, main
from chalicelib.jobs.auditing import Auditor
from chalicelib.webhook_secret import Kind, WebhookSecret
from chalicelib.wiring import Wiring
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock

OLD = "old-secret-0123456789"
API = "https://api.example.com/api"


class Vault:
    """One secret."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    def change(self, name: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Change it."""
        assert name == "webhooks"
        self.content = change(self.content)

    def texts(self, kind: Kind) -> list[str]:
        """What is good."""
        return [shared.text for shared in WebhookSecret.of(self.content, "webhooks").all_of(kind)]


@pytest.fixture
def vault() -> Vault:
    """A secret as it was before ages were in it."""
    return Vault({"tokens": [OLD], "api_keys": [OLD]})


def run(vault: Vault, *arguments: str) -> int:
    """Run the command."""
    settings = SimpleNamespace(webhook_secret="webhooks")
    clock = FakeClock()
    auditor = Auditor(MemoryAudit(), clock)
    wiring = SimpleNamespace(settings=settings, secrets=vault, clock=clock, auditor=lambda: auditor)
    return main(["rotate-webhook-secret", *arguments], cast("Wiring", wiring))


def test_the_new_address_is_all_that_is_printed(vault: Vault, capsys: pytest.CaptureFixture[str]) -> None:
    """So that it can be piped; what is to be done with it stands on the error stream, without it."""
    assert run(vault, "--api-url", f"{API}/") == 0
    printed = capsys.readouterr()
    old, new = vault.texts(Kind.TOKEN)
    assert old == OLD
    assert len(new) >= 43
    assert printed.out == f"{API}/webhooks/outbound-messages/{new}\n"
    assert "--kind token --finish" in printed.err
    assert new not in printed.err


def test_the_address_is_that_of_the_environment(vault: Vault, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Without any, it begins where the API's ends."""
    monkeypatch.delenv("TWINLEDGER_API_URL", raising=False)
    assert run(vault) == 0
    assert capsys.readouterr().out.startswith("/webhooks/outbound-messages/")
    assert run(vault, "--cancel") == 0
    monkeypatch.setenv("TWINLEDGER_API_URL", API)
    capsys.readouterr()
    assert run(vault) == 0
    assert capsys.readouterr().out.startswith(f"{API}/webhooks/outbound-messages/")


@pytest.mark.parametrize("kind", list(Kind))
def test_a_rotation_from_its_beginning_to_its_end(vault: Vault, kind: Kind, capsys: Any) -> None:
    """Both are good in between, and nothing is shown when it ends; the other kinds are left alone."""
    before = vault.texts(kind)
    others = {other: vault.texts(other) for other in Kind if other is not kind}
    assert run(vault, "--kind", kind) == 0
    shown = capsys.readouterr().out.strip().rpartition("/")[2]
    assert vault.texts(kind) == [*before, shown]
    if before:
        assert run(vault, "--kind", kind, "--finish") == 0
        ended = capsys.readouterr()
        assert "within 5 minutes" in ended.out
        assert shown not in ended.out + ended.err
    assert vault.texts(kind) == [shown]
    assert others == {other: vault.texts(other) for other in others}


def test_a_rotation_is_called_off(vault: Vault) -> None:
    """The old one stays."""
    assert (run(vault), run(vault, "--cancel")) == (0, 0)
    assert vault.texts(Kind.TOKEN) == [OLD]


def test_no_third_and_no_last_one(vault: Vault, capsys: pytest.CaptureFixture[str]) -> None:
    """One clear line each."""
    assert run(vault, "--finish") == FAILED
    assert run(vault) == 0
    content = vault.content
    capsys.readouterr()
    assert run(vault) == FAILED
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert vault.content == content


def test_a_secret_that_is_malformed_is_not_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is wrong with any member."""
    vault = Vault({"tokens": [OLD], "api_keys": ["short"]})
    assert run(vault) == FAILED
    assert "api_keys" in capsys.readouterr().err
    assert vault.content == {"tokens": [OLD], "api_keys": ["short"]}


def test_what_makes_no_sense_is_refused(vault: Vault) -> None:
    """With the usage."""
    for arguments in (["--finish", "--cancel"], ["--kind", "password"]):
        with pytest.raises(SystemExit):
            run(vault, *arguments)
