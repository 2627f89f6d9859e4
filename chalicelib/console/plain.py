"""Things of the ledger as JSON knows them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any


def plain(content: Any) -> Any:
    """Dataclasses, enumerations, sets and mappings as plain lists and objects."""
    if isinstance(content, Enum):
        return content.value
    if is_dataclass(content) and not isinstance(content, type):
        return {field.name: plain(getattr(content, field.name)) for field in fields(content)}
    if isinstance(content, Mapping):
        return {str(name): plain(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(value) for value in content]
    if isinstance(content, set | frozenset):
        return sorted(plain(value) for value in content)
    return content
