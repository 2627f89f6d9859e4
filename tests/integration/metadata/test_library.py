"""Packages as Salesforce's own library takes them: @salesforce/source-deploy-retrieve, which `sf` deploys with.

It resolves and converts, and lets an unknown element pass. So the elements are compared with Salesforce's published
types as well. An org is needed for neither.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from chalicelib.salesforce.metadata.contents import PLACEHOLDERS, SOURCE, Deletions
from chalicelib.salesforce.metadata.folder import write
from chalicelib.salesforce.metadata.package import package
from tests.integration.metadata.published import Published
from tests.integration.npm import installed
from tests.unit.salesforce.metadata.samples import OBJECTS, WEBHOOK_URL, told

LIBRARY = Path(__file__).with_name("library")
VALUES = {
    "TWINLEDGER_WEBHOOK_URL": WEBHOOK_URL,
    "TWINLEDGER_API_URL": WEBHOOK_URL.partition("/webhooks")[0],
    "TWINLEDGER_INTEGRATION_USER": "sync@example.com",
    "TWINLEDGER_AWS_ACCOUNT": "arn:aws:EU-CENTRAL-1:123456789012",
}
XML = [
    (deletions, path)
    for deletions in Deletions
    for path in package(told(deletions))
    if path.endswith(".xml") and (deletions is Deletions.TRIGGER or "AccountChangeEvent" in path or "Aws" in path)
]


@pytest.fixture(scope="module")
def library() -> tuple[str, Path]:
    """Node, and the folder of the library."""
    node, folder = installed(LIBRARY, "source-deploy-retrieve")
    shutil.copy(LIBRARY / "convert.js", folder)
    return node, folder


@pytest.fixture(scope="module")
def published(library: tuple[str, Path]) -> Published:
    """The types."""
    return Published(library[1] / "node_modules" / "@salesforce" / "types" / "lib" / "metadata.d.ts")


def convert(library: tuple[str, Path], folder: Path, output: Path, values: dict[str, str]) -> Any:
    """What the library says of a folder; its metadata format is in the output."""
    node, modules = library
    done = subprocess.run(  # noqa: S603
        [node, "convert.js", str(folder), str(output)],
        cwd=modules,
        env=os.environ | {"SF_APPLY_REPLACEMENTS_ON_CONVERT": "true", "SF_DISABLE_LOG_FILE": "true"} | values,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise ValueError(done.stderr)
    return json.loads(done.stdout)


@pytest.mark.parametrize("deletions", list(Deletions))
def test_is_taken_as_it_is(library: tuple[str, Path], tmp_path: Path, deletions: Deletions) -> None:
    """Every file belongs to a component, the manifest names all of them, and every placeholder is replaced."""
    files = package(told(deletions))
    write(tmp_path / "package", files)
    found = convert(library, tmp_path / "package", tmp_path / "output", VALUES)
    taken = {Path(path).relative_to(tmp_path / "package").as_posix() for path in found["files"] if path}
    inside = {path for path in files if path.startswith(SOURCE) and "/Record_Change__e/fields/" not in path}
    assert inside <= taken
    manifest = fromstring(files["manifest/package.xml"])
    named = {
        (types.findtext("{*}name"), member.text)
        for types in manifest.findall("{*}types")
        for member in types.findall("{*}members")
    }
    sent = {(types["name"], member) for types in found["types"] for member in types["members"]}
    assert sent - named == {("Workflow", name) for name in OBJECTS}  # the file that holds the outbound messages
    assert named <= sent
    output = {path: path.read_text() for path in (tmp_path / "output").rglob("*") if path.is_file()}
    assert len(output) > len(OBJECTS) * 3
    assert [path for path, text in output.items() for one in PLACEHOLDERS if one.text in text] == []
    messages = (tmp_path / "output" / "workflows" / "Account.workflow").read_text()
    assert f"<endpointUrl>{WEBHOOK_URL}</endpointUrl>" in messages
    assert WEBHOOK_URL not in "".join(path.read_text() for path in (tmp_path / "package").rglob("*.xml"))


def test_is_not_taken_with_a_placeholder(library: tuple[str, Path], tmp_path: Path) -> None:
    """Where a value is not set, nothing is sent."""
    write(tmp_path / "package", package(told(Deletions.SWEEP)))
    values = {name: value for name, value in VALUES.items() if name != "TWINLEDGER_WEBHOOK_URL"}
    with pytest.raises(ValueError, match="TWINLEDGER_WEBHOOK_URL"):
        convert(library, tmp_path / "package", tmp_path / "output", values)


@pytest.mark.parametrize(("deletions", "path"), XML, ids=lambda value: str(value).rpartition("/")[2])
def test_every_element_is_one_of_the_published_types(published: Published, deletions: Deletions, path: str) -> None:
    """By name, number, value and order, and none that is required is missing."""
    assert list(published.misfits(fromstring(package(told(deletions))[path]))) == []


@pytest.mark.parametrize(
    ("text", "misfits"),
    [
        ("<Flow><label>x</label><strange>1</strange></Flow>", ["Flow has no strange"]),
        ("<Flow><label>x</label><status>Live</status></Flow>", ["Flow.status: FlowVersionStatus knows no Live"]),
        ("<PermissionSet/>", ["PermissionSet needs label"]),
        ("<Flow><label>x</label><label>y</label></Flow>", ["Flow has only one label"]),
        (
            "<Flow><label>x</label><start><locationX>1</locationX><locationY>a</locationY></start></Flow>",
            ["Flow.start: FlowStart.locationY: a is no number"],
        ),
        ("<Flow><status>Draft</status><label>x</label></Flow>", ["Flow has its elements in another order"]),
        ("<Strange/>", ["there is no type Strange"]),
    ],
)
def test_the_types_see_mistakes(published: Published, text: str, misfits: list[str]) -> None:
    """Else the test above would say nothing."""
    assert list(published.misfits(fromstring(text))) == misfits
