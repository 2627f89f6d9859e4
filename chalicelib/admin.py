"""The command for whoever looks after the org: the metadata to deploy."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from chalicelib.core.catalog import SalesforceObject
from chalicelib.core.errors import ConfigurationError, TwinledgerError
from chalicelib.core.mapping_file import parse
from chalicelib.desk import lines
from chalicelib.jobs.installing import mapping_text
from chalicelib.salesforce.describe import describe
from chalicelib.salesforce.metadata import contents, folder
from chalicelib.salesforce.metadata.package import package
from chalicelib.wiring import Wiring

INFRA = Path(__file__).resolve().parents[1] / "infra" / "salesforce"
WRITER = Path("force-app", "main", "default")
TRIGGERS = Path("deletions", "main", "default")


def salesforce_metadata(wiring: Wiring, options: argparse.Namespace) -> None:
    """Write what an admin deploys to Salesforce, made from the mapping file; see docs/salesforce-admin.md."""
    file = wiring.mapping_file if options.mappings is None else options.mappings
    objects = contents.mapped(parse(mapping_text(file), file.name))
    url = None if options.webhook_url is None else contents.check_webhook_url(options.webhook_url)
    described = {} if options.offline else _described(wiring, objects)
    deletions = contents.Deletions(options.deletions)
    if options.no_apex and deletions is contents.Deletions.TRIGGER:
        raise ConfigurationError("triggers are Apex: with --no-apex give --deletions relay or --deletions sweep too")
    request = contents.Request(
        objects=objects,
        long=contents.long_texts(objects, described, options.without),
        webhook_url=url,
        integration_user=options.integration_user,
        apex={} if options.no_apex else _apex(INFRA / WRITER),
        deletions=deletions,
        telling=_apex(INFRA / TRIGGERS) if deletions is contents.Deletions.TRIGGER else {},
    )
    changed = folder.write(options.output, package(request))
    lines([f"{options.output}: {len(changed)} files changed; its README.md says how it is deployed"])
    if url is not None:
        lines(["the webhook's token is in these files: do not commit them"])


def metadata_options(parser: argparse.ArgumentParser) -> None:
    """What :func:`salesforce_metadata` may be told."""
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder; others' files are kept")
    parser.add_argument(
        "--webhook-url", metavar="URL", help="of outbound messages, with its token: do not commit DIR then"
    )
    parser.add_argument("--integration-user", metavar="NAME", help="user name of the integration user")
    parser.add_argument("--no-apex", action="store_true", help="leave out all Apex")
    parser.add_argument(
        "--deletions",
        choices=list(contents.Deletions),
        default=contents.Deletions.TRIGGER,
        help="what tells of deletions (trigger)",
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="OBJECT.FIELD", help="a long text; once for each"
    )
    parser.add_argument("--offline", action="store_true", help="do not ask the org which texts are long")
    parser.add_argument("--mappings", type=Path, metavar="FILE", help="the mapping file")


def _described(wiring: Wiring, objects: Iterable[str]) -> dict[str, SalesforceObject]:
    """What the org says of the objects; nothing where it cannot be asked, which is told."""
    try:
        return {name: describe(wiring.client, name) for name in objects}
    except TwinledgerError as error:
        reason = str(error).splitlines()[0]
        print(f"the org was not asked which texts are long ({reason}): name them by --without", file=sys.stderr)
        return {}


def _apex(source: Path) -> dict[str, str]:
    files = sorted(path for path in source.rglob("*") if path.is_file())
    if not files:
        raise ConfigurationError(f"there is no Apex in {source}: run the command in a checkout of the project")
    return {path.relative_to(source).as_posix(): path.read_text(encoding="utf-8") for path in files}
