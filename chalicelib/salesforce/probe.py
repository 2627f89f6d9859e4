"""Tries on a live org what the sync relies on, before two-way is switched on.

What the org says of itself is read: fields, permissions, the Apex class. What it does is tried on records of the
probe's own, named "Twinledger probe", of one object: see :mod:`chalicelib.salesforce.probe_records`. Where the sync is
running already it will see those records too, so that the probe belongs before it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.core.catalog import SalesforceField, SalesforceObject
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Side
from chalicelib.salesforce.apex_writer import ApexRecords
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.describe import describe
from chalicelib.salesforce.finding import Finding, passed
from chalicelib.salesforce.probe_records import try_records
from chalicelib.salesforce.reader import Reader
from chalicelib.salesforce.soql import KEY_FIELD, MARKER_FIELD

__all__ = ["Finding", "passed", "probe"]

KEY_LENGTH = 36
_PERMISSIONS = "give the integration user the permission set Twinledger"


@dataclass(frozen=True)
class _Look:
    """One question, and the finding if it cannot even be asked."""

    name: str
    ask: Callable[[], Iterator[Finding]]
    remedy: str


def probe(client: Client, mappings: Sequence[ObjectMapping], *, apex: bool = True) -> list[Finding]:
    """Check every assumption about the org.

    Creates up to two records "Twinledger probe" of one mapped object (or Account), edits and deletes them, and leaves
    them in the recycle bin, from where Salesforce removes them after 15 days.

    Args:
        client: the org, as the integration user.
        mappings: what is to be synced.
        apex: whether the Apex writer is the one in use; else its class is not asked for.

    Returns:
        The findings; :func:`passed` says whether two-way may be switched on. No error is raised: it is a finding.
    """
    looks = [_Look("sign-in", lambda: _sign_in(client), "check the app's key and the user's access")]
    if apex:
        looks.append(_Look("Apex class", lambda: _apex_class(client), "deploy infra/salesforce to the org"))
    looks += [_look_at(client, mapping) for mapping in mappings]
    names = list(dict.fromkeys([*(mapping.object for mapping in mappings), "Account"]))
    looks.append(_Look("records", lambda: try_records(client, names, apex=apex), "read the error, and try again"))
    return [finding for look in looks for finding in _answered(look)]


def _answered(look: _Look) -> Iterator[Finding]:
    try:
        yield from look.ask()
    except TwinledgerError as error:
        yield Finding(look.name, ok=False, detail=str(error), remedy=look.remedy)


def _sign_in(client: Client) -> Iterator[Finding]:
    yield Finding("sign-in", ok=True, detail=f"org {client.organization_id}, user {client.user_id}")


def _apex_class(client: Client) -> Iterator[Finding]:
    found = ApexRecords(client, Reader(client)).version()
    who = (found.get("organizationId"), found.get("userId"))
    same = who == (client.organization_id, client.user_id)
    about = f"contract {found['contract']}, version {found.get('version')}"
    detail = about if same else f"{about}, but it runs as {who}"
    yield Finding("Apex class", ok=same, detail=detail, remedy="" if same else _PERMISSIONS)


def _look_at(client: Client, mapping: ObjectMapping) -> _Look:
    remedy = "correct the mapping, or give the integration user access to the object"
    return _Look(f"fields of {mapping.object}", lambda: _object(describe(client, mapping.object), mapping), remedy)


def _object(found: SalesforceObject, mapping: ObjectMapping) -> Iterator[Finding]:
    hidden = [name for name in mapping.names if name not in found.fields]
    yield _named(f"fields of {mapping.object}", hidden, "readable", "cannot be read")
    written = [field.name for field in mapping.fields if Side.SALESFORCE in field.writable and field.name not in hidden]
    fixed = [name for name in written if not found.fields[name].updateable]
    yield _named(f"writable fields of {mapping.object}", fixed, "writable", "cannot be written")
    yield _key(mapping.object, found.fields.get(KEY_FIELD))
    yield _marker(mapping.object, found.fields.get(MARKER_FIELD))


def _named(name: str, wrong: Sequence[str], good: str, bad: str) -> Finding:
    if not wrong:
        return Finding(name, ok=True, detail=f"all mapped fields are {good}")
    return Finding(name, ok=False, detail=f"{bad}: {', '.join(wrong)}", remedy=f"{_PERMISSIONS}, or unmap them")


def _key(object_name: str, field: SalesforceField | None) -> Finding:
    name = f"{KEY_FIELD} of {object_name}"
    if field is None:
        return Finding(name, ok=False, detail="is not there or cannot be read", remedy=f"deploy it; {_PERMISSIONS}")
    wrong = [
        text
        for good, text in (
            (field.external_id, "is no external id"),
            (field.unique, "is not unique"),
            (field.length >= KEY_LENGTH, f"holds {field.length} characters, not {KEY_LENGTH}"),
            (field.createable and field.updateable, "cannot be written"),
        )
        if not good
    ]
    remedy = f"deploy it anew; {_PERMISSIONS}" if wrong else ""
    return Finding(name, ok=not wrong, detail=", ".join(wrong) or "a unique external id", remedy=remedy)


def _marker(object_name: str, field: SalesforceField | None) -> Finding:
    name = f"{MARKER_FIELD} of {object_name}"
    good = field is not None and field.length >= KEY_LENGTH and field.createable and field.updateable
    detail = "writable" if good else "is not there, too short, or cannot be written"
    return Finding(name, ok=good, detail=detail, remedy="" if good else f"deploy it; {_PERMISSIONS}")
