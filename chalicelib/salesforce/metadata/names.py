"""Names of components: what Salesforce takes for one, and which one an object's component gets.

A developer name begins with a letter, has letters, digits and single underscores, and does not end in one (Metadata API
Developer Guide, "Metadata", fullName).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from chalicelib.core.errors import ConfigurationError

LONGEST = 80  # characters of a flow's, an outbound message's or a channel member's name
LONGEST_TRIGGER = 40  # characters that a name of Apex may have in every tool

_DIGEST = 8
_ACTIVITIES = frozenset({"Activity", "Event", "Task"})


def component_names(objects: Iterable[str], prefix: str, longest: int = LONGEST) -> Mapping[str, str]:
    """A name for each object's component: the prefix and the object's name.

    A name that is too long, or that two objects would share, ends in a digest of the object's name instead.

    Args:
        objects: API names.
        prefix: what all names begin with; ends in an underscore.
        longest: the most characters.
    """
    plain = {name: prefix + name.replace("__", "_") for name in objects}
    shared = Counter(name.lower() for name in plain.values())
    return {
        name: found if len(found) <= longest and shared[found.lower()] == 1 else _digested(name, found, longest)
        for name, found in plain.items()
    }


def check_objects(objects: Iterable[str]) -> None:
    """Refuse what has no custom fields of its own.

    Raises:
        ConfigurationError: with a line for each such object.
    """
    problems = [problem for name in objects if (problem := _problem(name)) is not None]
    if problems:
        raise ConfigurationError("\n".join(problems))


def _digested(name: str, found: str, longest: int) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{found[: longest - _DIGEST - 1].rstrip('_')}_{digest}"


def _problem(name: str) -> str | None:
    if name in _ACTIVITIES:
        return f"{name}: its custom fields are those of Activity, which this command does not make: make them by hand"
    _, separator, suffix = name.rpartition("__")
    if separator and suffix != "c":
        return f"{name}: what ends in __{suffix} has no records to keep the same: map a standard or custom object"
    return None
