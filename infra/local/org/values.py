"""JSON values into the form in which a field stores them, which is also the form of REST answers.

Source: SOAP API Developer Guide, "Field Types" and "Core Data Types".
"""

import math
import re
from datetime import date, time
from typing import Any

from infra.local.org import ids
from infra.local.org.clock import parse_datetime
from infra.local.org.errors import OrgError, bad_json, fail
from infra.local.org.schema import Field

_EMAIL = re.compile(r"[^@\s<>()\[\],;:\\\"]+@[^@\s<>()\[\],;:\\\"]+\.[A-Za-z0-9-]{2,}")


def normalise(found: Field, value: Any, *, trim: bool = True) -> Any:
    """Return the stored form of a value; empty text is null.

    Raises:
        OrgError: the value does not fit the field.
    """
    if isinstance(value, str):
        value = value.strip() if trim or found.type not in _TRIMMABLE else value
    if value is None or value == "":
        return False if found.type == "boolean" else None
    return _BY_TYPE[found.type](found, value)


_TRIMMABLE = frozenset({"string", "textarea", "picklist", "multipicklist", "email", "phone", "url"})


def _text(found: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(found, value)
    if len(value) > found.length:
        shown = value if len(value) <= 255 else value[:255]
        raise fail(
            "STRING_TOO_LONG",
            f"{found.label}: data value too large: {shown} (max length={found.length})",
            [found.name],
        )
    return value


def _email(found: Field, value: Any) -> str:
    text = _text(found, value)
    if not _EMAIL.fullmatch(text):
        raise fail("INVALID_EMAIL_ADDRESS", f"{found.label}: invalid email address: {text}", [found.name])
    return text


def _picklist(found: Field, value: Any) -> str:
    text = _text(found, value)
    if found.restricted_picklist and text not in found.picklist:
        same = [known for known in found.picklist if known.lower() == text.lower()]
        if not same:
            raise _bad_choice(found, text)
        return same[0]
    return text


def _multipicklist(found: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(found, value)
    chosen = list(dict.fromkeys(part.strip() for part in value.split(";") if part.strip()))
    if found.restricted_picklist:
        unknown = [part for part in chosen if part not in found.picklist]
        if unknown:
            raise _bad_choice(found, unknown[0])
    order = {known: place for place, known in enumerate(found.picklist)}
    return _text(found, ";".join(sorted(chosen, key=lambda part: order.get(part, len(order)))))


def _bad_choice(found: Field, text: str) -> OrgError:
    message = f"{found.label}: bad value for restricted picklist field: {text}"
    return fail("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [found.name])


def _boolean(found: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false", "1", "0"}:
        return value.lower() in {"true", "1"}
    raise _wrong(found, value)


def _number(found: Field, value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(found, value)
    try:
        number = float(value)
    except ValueError:
        raise _wrong(found, value) from None
    if not math.isfinite(number):
        raise _wrong(found, value)
    limit = 10 ** (found.precision - found.scale) if found.precision else math.inf
    if abs(number) >= limit or (found.type == "int" and abs(number) > 2**31 - 1):
        text = f"{found.label}: value outside of valid range on numeric field: {value}"
        raise fail("NUMBER_OUTSIDE_VALID_RANGE", text, [found.name])
    if found.type == "int":
        if number != int(number):
            raise _wrong(found, value)
        return int(number)
    return number


def _date(found: Field, value: Any) -> str:
    try:
        return date.fromisoformat(value[:10] if "T" in value else value).isoformat()
    except (TypeError, ValueError):
        raise _wrong(found, value) from None


def _datetime(found: Field, value: Any) -> str:
    try:
        return parse_datetime(value).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    except (TypeError, ValueError):
        raise _wrong(found, value) from None


def _time(found: Field, value: Any) -> str:
    try:
        return time.fromisoformat(value.removesuffix("Z")).isoformat(timespec="milliseconds") + "Z"
    except (AttributeError, TypeError, ValueError):
        raise _wrong(found, value) from None


def _reference(found: Field, value: Any) -> str:
    try:
        return ids.to18(value)
    except (TypeError, ValueError):
        raise fail("MALFORMED_ID", f"{found.label}: id value of incorrect type: {value}", [found.name]) from None


def _wrong(found: Field, value: Any) -> OrgError:
    if isinstance(value, bool):
        token = f"VALUE_{str(value).upper()}"
    elif isinstance(value, str):
        token = "VALUE_STRING"
    elif isinstance(value, int):
        token = "VALUE_NUMBER_INT"
    elif isinstance(value, float):
        token = "VALUE_NUMBER_FLOAT"
    else:
        token = "START_OBJECT" if isinstance(value, dict) else "START_ARRAY"
    return bad_json(
        f"Cannot deserialize instance of {found.type} from {token} value {value} or request may be missing a "
        f"required field for {found.name} at [line:1, column:2]"
    )


_BY_TYPE = {
    "string": _text,
    "textarea": _text,
    "phone": _text,
    "url": _text,
    "email": _email,
    "picklist": _picklist,
    "multipicklist": _multipicklist,
    "boolean": _boolean,
    "int": _number,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "reference": _reference,
    "id": _reference,
}
