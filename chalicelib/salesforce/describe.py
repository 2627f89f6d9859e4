"""What the org says of an object (REST API Developer Guide, "sObject Describe")."""

from collections.abc import Mapping
from typing import Any

from chalicelib.core.catalog import SalesforceField, SalesforceObject
from chalicelib.core.errors import MappingError, Rejected
from chalicelib.salesforce.client import Client

_COMPOUND_TYPES = frozenset({"address", "location"})


def describe(client: Client, name: str) -> SalesforceObject:
    """One object as the integration user sees it.

    Raises:
        MappingError: there is no such object, or the user cannot see it.
        TwinledgerError: the call failed.
    """
    try:
        body = client.rest("GET", f"sobjects/{name}/describe").body
    except Rejected as error:
        if error.code != "NOT_FOUND":
            raise
        remedy = "correct the name, or give the integration user access to the object"
        raise MappingError([f"Salesforce has no object {name} that the integration user can see: {remedy}"]) from error
    return parse_describe(body)


def object_names(client: Client) -> tuple[str, ...]:
    """The API names of all objects that the integration user can see (REST API Developer Guide, "Describe Global").

    Raises:
        TwinledgerError: the call failed.
    """
    body = client.rest("GET", "sobjects").body
    return tuple(str(item["name"]) for item in body["sobjects"])


def parse_describe(body: Mapping[str, Any]) -> SalesforceObject:
    """The describe result in the core's words."""
    parts = {item["compoundFieldName"] for item in body["fields"] if item.get("compoundFieldName")}
    fields = (_field(item, compound=item["name"] in parts) for item in body["fields"])
    return SalesforceObject(str(body["name"]), {field.name: field for field in fields})


def _field(item: Mapping[str, Any], *, compound: bool) -> SalesforceField:
    """A compound field that can be written, as Account's Name where person accounts are on, is an ordinary field."""
    kind = str(item["type"])
    compound = compound and not item.get("createable") and not item.get("updateable")
    return SalesforceField(
        name=str(item["name"]),
        label=str(item["label"]),
        type=kind,
        length=int(item.get("length") or 0),
        precision=int(item.get("precision") or 0),
        scale=int(item.get("scale") or 0),
        nillable=bool(item.get("nillable")),
        createable=bool(item.get("createable")),
        updateable=bool(item.get("updateable")),
        calculated=bool(item.get("calculated")),
        auto_number=bool(item.get("autoNumber")),
        external_id=bool(item.get("externalId")),
        unique=bool(item.get("unique")),
        restricted_picklist=bool(item.get("restrictedPicklist")),
        reference_to=tuple(item.get("referenceTo") or ()),
        compound=compound or kind in _COMPOUND_TYPES,
        defaulted_on_create=bool(item.get("defaultedOnCreate")),
    )
