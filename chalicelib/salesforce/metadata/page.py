"""The page in a package for who deploys it."""

from collections.abc import Iterable, Sequence

from chalicelib.salesforce.metadata.contents import File, Placeholder, Request

_CAUTION = """
The webhook's token is in the files of `workflows`. Whoever knows it can send messages to this installation: do not
commit this folder, and delete it once it is deployed. Its `.gitignore` leaves everything out.
"""
_CLONE = """
Only the integration user gets the permission set. Salesforce's Clone button copies every field that its user may edit,
and a copied `Twinledger_Key__c` would be another record's identity: give nobody else edit access to the two fields,
neither by profile nor by permission set.
"""


def page(request: Request, components: Iterable[File], missing: Sequence[Placeholder]) -> str:
    """The page in Markdown: what there is, what is to be filled in, how it is deployed, what messages leave out."""
    return "".join(
        [
            "# Twinledger in Salesforce\n\n",
            "Made by `python manage.py salesforce-metadata` from the mapping file: make it again when that changes.\n",
            "`docs/salesforce-admin.md` of Twinledger walks through everything, by clicks too.\n",
            _deploying(missing),
            _CAUTION if request.webhook_url is not None else "",
            _CLONE,
            "\n## What there is\n\n| type | component |\n|---|---|\n",
            *(f"| {kind} | `{member}` |\n" for kind, member in _listed(components)),
            _left_out(request),
        ]
    )


def _listed(components: Iterable[File]) -> list[tuple[str, str]]:
    return sorted((file.kind, file.member) for file in components if file.kind is not None)


def _deploying(missing: Sequence[Placeholder]) -> str:
    lines = [f"export {one.variable}=...   # {one.meaning}\n" for one in missing]
    lines.append("sf project deploy start --target-org ORG\n")
    text = f"\n## Deploying it\n\nIn this folder:\n\n```console\n{''.join(lines)}```\n"
    if not missing:
        return text
    names = "\n".join(f"- `{one.text}`" for one in missing)
    return (
        f"{text}\n`sf` puts these values in the place of the placeholders on their way to the org, and never writes\n"
        f"them into the files. Every other tool needs them replaced in the files before:\n\n{names}\n"
    )


def _left_out(request: Request) -> str:
    """Why a message does not have all mapped fields: 100 records of one have to fit into the 6 MB of a request."""
    fields = [f"- `{name}.{field}`\n" for name in request.objects for field in sorted(request.long[name])]
    if not fields:
        return ""
    return (
        "\n## What the messages leave out\n\n"
        "Long texts: a message of 100 records has to fit into the 6 MB that AWS Lambda takes in one request. A record\n"
        "of these objects is read when a message tells of it.\n\n" + "".join(fields)
    )
