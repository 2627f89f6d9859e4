"""Fields that the org computes from others when it saves a record."""

from typing import Any

from infra.local.org.schema import ObjectType
from infra.local.org.store import Row

_ADDRESS_PARTS = {
    "Street": "street",
    "City": "city",
    "State": "state",
    "PostalCode": "postalCode",
    "Country": "country",
    "Latitude": "latitude",
    "Longitude": "longitude",
    "GeocodeAccuracy": "geocodeAccuracy",
}


def derive(kind: ObjectType, row: Row) -> None:
    """Fill the computed fields of a row that is about to be written."""
    fields = kind.fields
    if "LastName" in fields and "Name" in fields:
        row["Name"] = " ".join(part for part in (row.get("FirstName"), row.get("LastName")) if part) or None
    for name, found in fields.items():
        if found.type == "address":
            row[name] = _address(row, name.removesuffix("Address"))
    special = _SPECIAL.get(kind.name)
    if special is not None:
        special(row)


def _address(row: Row, prefix: str) -> dict[str, Any] | None:
    parts = {key: row.get(prefix + name) for name, key in _ADDRESS_PARTS.items()}
    return parts if any(value is not None for value in parts.values()) else None


def _opportunity(row: Row) -> None:
    stage = row.get("StageName")
    row["IsWon"] = stage == "Closed Won"
    row["IsClosed"] = stage in {"Closed Won", "Closed Lost"}
    amount, percent = row.get("Amount"), row.get("Probability")
    row["ExpectedRevenue"] = None if amount is None or percent is None else amount * percent / 100


def _case(row: Row) -> None:
    row["IsClosed"] = row.get("Status") == "Closed"
    row["ClosedDate"] = (row.get("ClosedDate") or row["LastModifiedDate"]) if row["IsClosed"] else None


def _task(row: Row) -> None:
    row["IsClosed"] = row.get("Status") == "Completed"
    row["IsHighPriority"] = row.get("Priority") == "High"


_SPECIAL = {"Opportunity": _opportunity, "Case": _case, "Task": _task}
