"""Who may use the console, as its secret says.

    {"operators": [{"name": "ann", "role": "operator", "sha256": "..."}]}

``sha256`` is the digest of an operator token in lower-case hex: the secret does not hold the token itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.console.people import Person
from chalicelib.console.routes import Access
from chalicelib.settings import Reading

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ROLES = frozenset({Access.VIEWER.value, Access.OPERATOR.value})
_REMEDY = 'a list of {"name", "role", "sha256"}; role is viewer or operator, sha256 the digest of a token'


@dataclass(frozen=True, slots=True)
class ConsoleSecret:
    """All that is good at the moment.

    Attributes:
        people: who has an operator token.
    """

    people: tuple[Person, ...] = ()

    @classmethod
    def of(cls, content: Mapping[str, Any], name: str) -> "ConsoleSecret":
        """Read the secret's JSON.

        Raises:
            ConfigurationError: something is malformed.
        """
        reading = Reading(f"the secret {name}: the member", content)
        people = reading.several("operators", _REMEDY, _valid, optional=True)
        reading.check()
        return cls(tuple(Person(one["name"], one["role"], one["sha256"]) for one in people))


def _valid(item: object) -> bool:
    if not isinstance(item, Mapping):
        return False
    name, role, sha256 = (item.get(member) for member in ("name", "role", "sha256"))
    return isinstance(name, str) and name.strip() != "" and role in _ROLES and _is_digest(sha256)


def _is_digest(text: object) -> bool:
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None
