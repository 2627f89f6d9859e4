"""A package as a whole: every file by its path, the project file, the manifest and the page for who deploys it.

Sources: Salesforce DX Developer Guide, "Salesforce DX Project Configuration" and "Replace Strings in Code Before
Deploying or Packaging"; Metadata API Developer Guide, "Sample package.xml Manifest Files".
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from chalicelib.salesforce.client import API_VERSION
from chalicelib.salesforce.metadata.access import fields, permission_set
from chalicelib.salesforce.metadata.contents import PLACEHOLDERS, SOURCE, File, Placeholder, Request
from chalicelib.salesforce.metadata.deletions import deletions
from chalicelib.salesforce.metadata.document import Node, document
from chalicelib.salesforce.metadata.messages import flows, outbound_messages
from chalicelib.salesforce.metadata.names import check_objects
from chalicelib.salesforce.metadata.page import page
from chalicelib.salesforce.metadata.relay import relay

_CODE = {".cls": "ApexClass", ".trigger": "ApexTrigger"}


def package(request: Request) -> dict[str, str]:
    """The text of every file of a package by its path, the same for the same request.

    Raises:
        ConfigurationError: an object of the mapping cannot have the fields.
    """
    check_objects(request.objects)
    components = [
        *fields(request),
        permission_set(request),
        *outbound_messages(request),
        *flows(request),
        *_apex(request.apex),
        *_apex(request.telling),
        *deletions(request),
        *relay(request),
    ]
    missing = [one for one in PLACEHOLDERS if any(one.text in file.text for file in components)]
    files = {file.path: file.text for file in components}
    files["manifest/package.xml"] = _manifest(components)
    files["sfdx-project.json"] = _project(missing)
    files["README.md"] = page(request, components, missing)
    files[".gitignore"] = _ignored(request)
    return dict(sorted(files.items()))


def _apex(sources: Mapping[str, str]) -> Iterator[File]:
    for path, text in sources.items():
        name, dot, ending = path.rpartition("/")[2].partition(".")
        yield File(f"{SOURCE}/{path}", text, _CODE.get(dot + ending), name)


def _manifest(components: Iterable[File]) -> str:
    members: dict[str, list[str]] = {}
    for file in components:
        if file.kind is not None:
            members.setdefault(file.kind, []).append(file.member)
    nodes: list[Node] = [
        ("types", [*(("members", member) for member in sorted(members[kind])), ("name", kind)])
        for kind in sorted(members)
    ]
    return document("Package", [*nodes, ("version", API_VERSION)])


def _project(missing: Sequence[Placeholder]) -> str:
    """The project file: `sf` refuses to deploy while a variable that it is to fill in is not set."""
    project: dict[str, object] = {
        "packageDirectories": [{"path": "force-app", "default": True}],
        "name": "twinledger",
        "sourceApiVersion": API_VERSION,
    }
    if missing:
        project["replacements"] = [
            {"glob": "force-app/**/*.xml", "stringToReplace": one.text, "replaceWithEnv": one.variable}
            for one in missing
        ]
    return json.dumps(project, indent=2) + "\n"


def _ignored(request: Request) -> str:
    """What git leaves out: everything where the webhook's token is in the files, for a repository keeps it for ever."""
    if request.webhook_url is not None:
        return "# these files hold the webhook's token: they are not to be committed\n*\n"
    return ".sf/\n.sfdx/\n"
