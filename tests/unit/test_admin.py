"""The command that makes the metadata: from the mapping file alone, and with what the org says."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib import admin
from chalicelib.commands import FAILED, main
from chalicelib.core.errors import Unavailable
from chalicelib.wiring import Wiring
from tests.unit.salesforce.metadata.samples import OBJECTS, TOML, WEBHOOK_URL

MESSAGE = "force-app/main/default/workflows/Account.workflow-meta.xml"


@pytest.fixture
def mappings(tmp_path: Path) -> Path:
    """A mapping file."""
    file = tmp_path / "mappings.toml"
    file.write_text(TOML)
    return file


def run(folder: Path, *arguments: str, wiring: Wiring | None = None, mappings: Path) -> int:
    """Make it."""
    command = ["salesforce-metadata", "--output", str(folder), "--mappings", str(mappings), *arguments]
    return main(command, wiring or Wiring({}))


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_twice_is_the_same(tmp_path: Path, mappings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte, into the same folder or another one."""
    assert run(tmp_path / "one", "--offline", mappings=mappings) == 0
    first = content(tmp_path / "one")
    assert capsys.readouterr().err == ""
    assert run(tmp_path / "one", "--offline", mappings=mappings) == 0
    assert "0 files changed" in capsys.readouterr().out
    assert run(tmp_path / "two", "--offline", mappings=mappings) == 0
    assert first == content(tmp_path / "one") == content(tmp_path / "two")
    assert "force-app/main/default/classes/TwinledgerRest.cls" in first


def test_works_where_nothing_is_set_up(tmp_path: Path, mappings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says that the org was not asked, why, and what to do; the mapping file is the environment's."""
    wiring = Wiring({"TWINLEDGER_MAPPINGS": str(mappings)})
    assert (
        main(["salesforce-metadata", "--output", str(tmp_path / "p"), "--no-apex", "--deletions", "relay"], wiring) == 0
    )
    told = capsys.readouterr().err
    assert told.startswith("the org was not asked which texts are long (the environment variable TWINLEDGER_")
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "p" / "force-app" / "main" / "default" / "classes").exists()


class Org:
    """An org that answers describe, or does not."""

    def __init__(self, error: Unavailable | None = None) -> None:
        self._error = error

    def rest(self, method: str, path: str) -> Any:
        """Every object has the mapped fields; on Account, the name is a long text and the description is not."""
        if self._error is not None:
            raise self._error
        lengths = {"Name": 1000, "Description": 80}
        fields = [
            {"name": name, "label": name, "type": "textarea", "length": lengths.get(name, 80)}
            for name in {name for names in OBJECTS.values() for name in names}
        ]
        return SimpleNamespace(body={"name": path.split("/")[1], "fields": fields})


def wired(org: Org) -> Wiring:
    """A wiring whose client is this org."""
    wiring = Wiring({})
    wiring.__dict__["client"] = cast("Any", org)
    return wiring


def test_the_org_says_which_texts_are_long(tmp_path: Path, mappings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it can be asked, names count for nothing."""
    assert run(tmp_path / "p", wiring=wired(Org()), mappings=mappings) == 0
    message = (tmp_path / "p" / MESSAGE).read_text()
    assert "<fields>Name</fields>" not in message
    assert "<fields>Description</fields>" in message
    assert capsys.readouterr().err == ""


def test_an_org_that_does_not_answer(tmp_path: Path, mappings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The names are all there is."""
    assert run(tmp_path / "p", wiring=wired(Org(Unavailable("it is down"))), mappings=mappings) == 0
    assert "<fields>Name</fields>" in (tmp_path / "p" / MESSAGE).read_text()
    assert "(it is down)" in capsys.readouterr().err


def test_a_token_is_told_of(tmp_path: Path, mappings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it goes, and that it is not to be committed; it is not shown."""
    arguments = ["--offline", "--webhook-url", WEBHOOK_URL, "--integration-user", "sync@example.com"]
    assert run(tmp_path / "p", *arguments, mappings=mappings) == 0
    message = (tmp_path / "p" / MESSAGE).read_text()
    assert f"<endpointUrl>{WEBHOOK_URL}</endpointUrl>" in message
    assert "<integrationUser>sync@example.com</integrationUser>" in message
    told = capsys.readouterr().out
    assert "do not commit" in told
    assert WEBHOOK_URL not in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--webhook-url", "https://example.com"], "the webhook URL is not one"),
        (["--no-apex"], "triggers are Apex: with --no-apex give --deletions relay"),
        (["--without", "Contact.Nothing"], "Contact.Nothing is no mapped field"),
    ],
)
def test_what_cannot_be_made(
    tmp_path: Path, mappings: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """One line, and nothing is written."""
    assert run(tmp_path / "p", "--offline", *arguments, mappings=mappings) == FAILED
    assert capsys.readouterr().err.startswith(f"ConfigurationError: {said}")
    assert not (tmp_path / "p").exists()


def test_a_mapping_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is told of."""
    assert run(tmp_path / "p", mappings=tmp_path / "nothing.toml") == FAILED
    assert "cannot be read" in capsys.readouterr().err


def test_a_place_without_apex(
    tmp_path: Path, mappings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as a copy of the functions alone."""
    monkeypatch.setattr(admin, "INFRA", tmp_path / "nowhere")
    assert run(tmp_path / "p", "--offline", mappings=mappings) == FAILED
    assert "there is no Apex in" in capsys.readouterr().err
