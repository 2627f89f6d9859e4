"""The commands in the order in which an operator meets them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.commands import main
from chalicelib.wiring import Wiring
from tests.integration.application.conftest import World, environment

Output = pytest.CaptureFixture[str]


def refused(world: World, capsys: Output, *arguments: str) -> str:
    """A command that has to fail; what it says."""
    capsys.readouterr()
    assert world.manage(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


def said(world: World, capsys: Output, *arguments: str) -> str:
    """A command that has to succeed; what it says."""
    capsys.readouterr()
    assert world.manage(*arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_nothing_works_before_the_installation(world: World, capsys: Output) -> None:
    """Each command says what to do."""
    for command in (["relay"], ["settle", "key"], ["retry", "key"], ["issues"], ["show", "key"]):
        assert "manage.py install" in refused(world, capsys, *command)


def test_the_status_says_what_is_to_be_done_first(world: World, capsys: Output) -> None:
    """And does not ask what cannot be told before that."""
    capsys.readouterr()
    assert world.manage("status") == 1
    told = capsys.readouterr().out
    assert "FAILED  ledger      nothing is installed yet: run `python manage.py install`" in told
    assert "FAILED  postgres    not asked, for it needs: ledger" in told
    assert "ok      queues" in told


def test_two_way_is_refused_before_the_probe(world: World, capsys: Output) -> None:
    """The mapping fits, but nobody knows yet what the org keeps of its promises."""
    assert "fits both systems: account, contact" in said(world, capsys, "check")
    assert "manage.py probe" in refused(world, capsys, "install")
    assert "CREATE SCHEMA" in said(world, capsys, "install", "--dry-run")


def test_a_probed_org_may_be_installed(world: World, capsys: Output) -> None:
    """Twice does no more than once."""
    assert "has passed" in said(world, capsys, "probe")
    assert "installed: account, contact" in said(world, capsys, "install")
    first = world.wiring.state.installation()
    assert "0 steps" in said(world, capsys, "install")
    second = world.wiring.state.installation()
    assert first is not None
    assert second is not None
    assert first.installed_at == second.installed_at
    assert "everything is installed already" in said(world, capsys, "install", "--dry-run")
    told = said(world, capsys, "status")
    for part in ("ok      ledger      account, contact kept", f"org {first.organization_id}", "probe       passed"):
        assert part in told
    assert all(line.startswith("ok ") for line in told.splitlines())
    assert said(world, capsys, "issues") == "no open issues\n"
    assert said(world, capsys, "issues", "--closed") == "no closed issues\n"


@pytest.mark.parametrize(("secret", "part"), [("DATABASE_SECRET", "postgres"), ("SALESFORCE_SECRET", "salesforce")])
def test_a_system_that_is_away_is_seen(world: World, capsys: Output, secret: str, part: str) -> None:
    """With what to do, and an exit status for scripts; the other parts are asked all the same."""
    nowhere = {
        "dsn": "host=127.0.0.1 port=1",
        "login_url": "http://127.0.0.1:1",
        "client_id": "x",
        "client_secret": "y",
    }
    names = world.stage.client("secretsmanager")
    names.create_secret(Name=f"nowhere-{part}", SecretString=json.dumps(nowhere))
    wiring = Wiring(environment(world.stage) | {f"TWINLEDGER_{secret}": f"nowhere-{part}"})
    capsys.readouterr()
    assert main(["status"], wiring) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("ok ")]
    assert [line.split()[:2] for line in failed] == [["FAILED", part]]
    assert f"correct the secret nowhere-{part}" in failed[0]
    assert main(["status", "--json"], wiring) == 1
    assert {one["name"] for one in json.loads(capsys.readouterr().out) if not one["ok"]} == {part}
    wiring.connection.retire()


def test_what_is_not_known_is_said(world: World, capsys: Output) -> None:
    """Records and issues that are not there."""
    for command in ("settle", "show", "retry"):
        assert "key names nothing: give an issue id" in refused(world, capsys, command, "key")
    assert "no issue" in refused(world, capsys, "resolve", "id", "--take", "postgres")
    assert "no issue" in refused(world, capsys, "resolve", "id", "--value", "Name=x")


@pytest.fixture
def odd_file(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mapping file that is not there yet, and that is to be read."""
    file = tmp_path / "odd.toml"
    monkeypatch.setattr(world.wiring, "settings", replace(world.wiring.settings, mappings=str(file)))
    return file


def test_a_mapping_that_does_not_fit_is_told_line_by_line(world: World, capsys: Output, odd_file: Path) -> None:
    """What is missing on either side, each with its place; and a file that is not there."""
    assert "TWINLEDGER_MAPPINGS" in refused(world, capsys, "check")
    odd_file.write_text(
        '[a]\nobject = "Nothing__c"\ntable = "public.none"\nkey = "id"\n[a.fields]\nName = "name"\n'
        '[b]\nobject = "Account"\ntable = "public.account"\nkey = "id"\n[b.fields]\nName = "nome"\n',
        encoding="utf-8",
    )
    told = refused(world, capsys, "check")
    for name in ("Nothing__c", "public.none", "nome"):
        assert name in told
    assert all(line.startswith("MappingError: ") for line in told.splitlines())


def test_a_mistyped_name_is_compared_with_all_there_are(world: World, capsys: Output, odd_file: Path) -> None:
    """Objects of the org and tables of the database, mapped ones or not."""
    odd_file.write_text(
        '[a]\nobject = "Leed"\ntable = "public.contakt"\nkey = "id"\n[a.fields]\nName = "name"\n', encoding="utf-8"
    )
    told = refused(world, capsys, "check")
    assert 'did you mean "Lead"?' in told
    assert 'did you mean "public.contact"?' in told


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[account]".encode("utf-16"), "seems to be UTF-16: save it"),
        ("[account]".encode("utf-16-le"), "seems to be UTF-16: save it"),
        ("[a]\n# für".encode("latin-1"), "see line 2: save it with the encoding UTF-8"),
        (b"\xef\xbb\xbf[account]", '"object" is missing'),
    ],
)
def test_a_file_in_another_encoding_is_told(
    world: World, capsys: Output, odd_file: Path, content: bytes, reason: str
) -> None:
    """With its name and the remedy; a mark before UTF-8 is no matter."""
    odd_file.write_bytes(content)
    told = refused(world, capsys, "check")
    assert reason in told
    assert odd_file.name in told


def test_filters_are_judged_by_their_systems(world: World, capsys: Output, odd_file: Path) -> None:
    """Each in its own words, with file, mapping and remedy; nothing in a filter is run, and what fits is taken."""
    mapping = '[{}]\nobject = "{}"\ntable = "public.{}"\nkey = "id"\nwhere = {{ {} }}\n[{}.fields]\n{}\n'
    last = 'LastName = "last_name"'
    odd_file.write_text(
        mapping.format("a", "Account", "account", """soql = "Nome = 'x'", sql = "nome = 'x'" """, "a", 'Name = "name"')
        + mapping.format("c", "Contact", "contact", """soql = "LastName =", sql = "last_name" """, "c", last),
        encoding="utf-8",
    )
    told = refused(world, capsys, "check").splitlines()
    assert [line.partition(": ")[2].partition(" filter: ")[0] for line in told] == [
        "odd.toml: [a] where.sql: Postgres refuses the",
        "odd.toml: [a] where.soql: Salesforce refuses the",
        "odd.toml: [c] where.sql: Postgres refuses the",
        "odd.toml: [c] where.soql: Salesforce refuses the",
    ]
    for line, said_there in zip(told, ('column "nome"', "INVALID_FIELD", "boolean", "MALFORMED_QUERY"), strict=True):
        assert said_there in line
        assert line.endswith("after WHERE, or leave it out")
    for sql in ("true) LIMIT 0; COMMIT; DROP TABLE contact; --", "ctid IS NULL", "account IS NULL OR now(account)"):
        odd_file.write_text(mapping.format("a", "Account", "account", f'sql = "{sql}"', "a", 'Name = "name"'))
        assert "Postgres refuses the filter" in refused(world, capsys, "check")
    assert world.database.execute("SELECT to_regclass('contact')::text").fetchone() == ("contact",)
    fitting = """soql = "Name LIKE 'a%'", sql = "name LIKE 'a%' AND account.id > 0" """
    odd_file.write_text(mapping.format("a", "Account", "account", fitting, "a", 'Name = "name"'), encoding="utf-8")
    said(world, capsys, "check")


def test_uninstalling_needs_a_word(world: World, capsys: Output) -> None:
    """It takes columns away; the ledger stays."""
    assert "--yes" in refused(world, capsys, "uninstall")
    assert "uninstalled" in said(world, capsys, "uninstall", "--yes", "--keep-links")
    found = world.database.execute("SELECT to_regclass('twinledger.outbox')::text").fetchone()
    assert found == (None,)
    assert world.wiring.state.installation() is None
