"""Record ids: 15 case-sensitive characters, or 18 with a checksum (Salesforce Help: "ID Field Behavior")."""

import string

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_UPPER = frozenset(string.ascii_uppercase)
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LEGAL = frozenset(_BASE62)
_FIRST_SERIAL = 62**4 * 29 + 62**3 * 28 + 62**2 * 44 + 62 * 46  # mixed case from the first id on


def checksum(id15: str) -> str:
    """Return the three characters that turn a 15-character id into its 18-character form."""
    return "".join(
        _SUFFIX[sum(1 << bit for bit, char in enumerate(id15[start : start + 5]) if char in _UPPER)]
        for start in (0, 5, 10)
    )


def to18(value: str) -> str:
    """Return the 18-character form of an id.

    Raises:
        ValueError: the text is no id, or its checksum is wrong.
    """
    if len(value) == 15 and _LEGAL.issuperset(value):
        return value + checksum(value)
    if len(value) == 18 and _LEGAL.issuperset(value) and value[15:].upper() == checksum(value[:15]):
        return value[:15] + value[15:].upper()
    raise ValueError(f"no id: {value!r}")


def is_id(value: object) -> bool:
    """Tell whether a value is a well-formed id of either length."""
    if not isinstance(value, str):
        return False
    try:
        to18(value)
    except ValueError:
        return False
    return True


def make_id(prefix: str, serial: int) -> str:
    """Build an 18-character id from a key prefix and a serial number."""
    digits = []
    while serial:
        serial, digit = divmod(serial, 62)
        digits.append(_BASE62[digit])
    return to18(prefix + "xx0" + "".join(reversed(digits)).rjust(9, "0"))


class IdFactory:
    """Hands out ids that grow, one sequence per key prefix."""

    def __init__(self) -> None:
        self.serials: dict[str, int] = {}

    def next(self, prefix: str) -> str:
        """Return the next 18-character id with this three-character key prefix."""
        serial = self.serials.get(prefix, _FIRST_SERIAL)
        self.serials[prefix] = serial + 1
        return make_id(prefix, serial)
