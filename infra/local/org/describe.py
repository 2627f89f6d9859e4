"""Describe results (REST API Developer Guide: "sObject Describe", "Describe Global")."""

from typing import Any

from infra.local.org.schema import Field, ObjectType, Schema
from infra.local.org.users import User, may_write

_SOAP = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int", "double": "xsd:double",
    "currency": "xsd:double", "percent": "xsd:double", "date": "xsd:date", "datetime": "xsd:dateTime",
    "time": "xsd:time", "address": "urn:address",
}  # fmt: skip


def describe_global(schema: Schema, base: str) -> dict[str, Any]:
    """All objects."""
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [_summary(kind, base) for kind in schema.objects.values()],
    }


def _summary(kind: ObjectType, base: str) -> dict[str, Any]:
    root = f"{base}/sobjects/{kind.name}"
    stored = not kind.is_event
    system = kind.name in {"User", "Organization"}
    return {
        "name": kind.name,
        "label": kind.label,
        "labelPlural": kind.plural,
        "keyPrefix": kind.prefix,
        "custom": kind.custom,
        "customSetting": False,
        "createable": not system,
        "updateable": stored and not system,
        "deletable": stored and not system,
        "undeletable": stored and not system,
        "queryable": stored,
        "retrieveable": stored,
        "searchable": stored,
        "replicateable": stored,
        "mergeable": kind.name in {"Account", "Contact", "Lead", "Case"},
        "layoutable": stored,
        "triggerable": True,
        "urls": {"sobject": root, "describe": f"{root}/describe", "rowTemplate": f"{root}/{{ID}}"},
    }


def describe(schema: Schema, kind: ObjectType, user: User, base: str) -> dict[str, Any]:
    """One object with the fields that the user sees."""
    return _summary(kind, base) | {
        "fields": [_field(kind, f, user) for f in kind.fields.values() if user.sees(kind.name, f.name)],
        "childRelationships": [
            {
                "childSObject": child.name,
                "field": ref.name,
                "relationshipName": None if ref.system else child.plural.replace(" ", ""),
                "cascadeDelete": ref.cascade_delete,
                "restrictedDelete": ref.restricted_delete,
                "deprecatedAndHidden": False,
            }
            for child, ref in schema.children(kind.name)
        ],
        "recordTypeInfos": [],
    }


def _field(kind: ObjectType, found: Field, user: User) -> dict[str, Any]:
    kind_type = "string" if found.type == "name" else found.type
    return {
        "name": found.name,
        "label": found.label,
        "type": kind_type,
        "soapType": _SOAP.get(found.type, "xsd:string"),
        "length": found.length,
        "byteLength": found.length * 3,
        "precision": 0 if found.type == "int" else found.precision,
        "digits": found.precision if found.type == "int" else 0,
        "scale": found.scale,
        "nillable": not (found.required or found.system or found.type in {"boolean", "id"}),
        "createable": may_write(user, kind, found, creating=True),
        "updateable": may_write(user, kind, found, creating=False),
        "defaultedOnCreate": found.system
        or found.auto_number
        or found.default is not None
        or found.type == "boolean"
        or found.name == "OwnerId",
        "defaultValue": found.default,
        "calculated": found.calculated and found.type not in {"address", "name"},
        "autoNumber": found.auto_number,
        "custom": found.custom,
        "externalId": found.external_id,
        "idLookup": found.id_lookup or found.type == "id",
        "unique": found.unique,
        "caseSensitive": found.case_sensitive,
        "nameField": found.name_field,
        "namePointing": len(found.reference_to) > 1,
        "polymorphicForeignKey": len(found.reference_to) > 1,
        "referenceTo": list(found.reference_to),
        "relationshipName": found.relationship_name,
        "compoundFieldName": found.compound,
        "restrictedPicklist": found.restricted_picklist,
        "picklistValues": [
            {"value": v, "label": v, "active": True, "defaultValue": v == found.default, "validFor": None}
            for v in found.picklist
        ],
        "cascadeDelete": found.cascade_delete,
        "restrictedDelete": found.restricted_delete,
        "filterable": found.type != "address" and not (found.type == "textarea" and found.length > 255),
        "sortable": found.type not in {"address", "multipicklist", "textarea"},
        "groupable": found.type not in {"address", "double", "currency", "percent", "datetime"},
        "encrypted": False,
        "deprecatedAndHidden": False,
    }
