"""One mapping while it is resolved: what the file declares beside what the two systems have."""

from dataclasses import dataclass

from chalicelib.core.catalog import SalesforceObject, Table
from chalicelib.core.declared import DeclaredField, DeclaredMapping
from chalicelib.core.problems import Problems


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that resolving one mapping looks at.

    Attributes:
        declared: the mapping.
        all: every mapping of the file, by name.
        object: its object; None: it is not there, which is a problem already noted.
        table: its table; None: it is not there, which is a problem already noted.
        problems: where problems and warnings go.
    """

    declared: DeclaredMapping
    all: dict[str, DeclaredMapping]
    object: SalesforceObject | None
    table: Table | None
    problems: Problems

    @property
    def place(self) -> str:
        """How problems name the mapping."""
        return f"[{self.declared.name}]"

    def place_of(self, field: DeclaredField) -> str:
        """How problems name a field."""
        return f'[{self.declared.name}.fields] "{field.name}"'
