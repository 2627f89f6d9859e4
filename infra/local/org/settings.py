"""What a test may turn while the org runs."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Settings:
    """Durations in the unit of their name; the JSON names are the camelCase forms."""

    commit_ms: float = 0.0
    lock_wait_seconds: float = 10.0
    daily_limit: int = 100_000
    concurrent_limit: int = 25
    long_call_seconds: float = 20.0
    query_page_size: int = 2000
    replication_id_limit: int = 600_000
    trim_text: bool = True
    delete_moves_stamp: bool = True
    bin_blocks_unique: bool = False
    clock_offset_seconds: float = 0.0
    outbound_retry_seconds: float = 10.0
    outbound_retry_cap_seconds: float = 7200.0
    outbound_lifetime_seconds: float = 86_400.0
    outbound_timeout_seconds: float = 60.0
    outbound_concurrency: int = 4
    outbound_batch: int = 100
    outbound_deleted_id: bool = False
    event_retry_seconds: float = 1.0
    bulk_job_ms: float = 0.0

    def update(self, raw: dict[str, Any]) -> None:
        """Set values by their JSON names.

        Raises:
            ValueError: a name is unknown, or a value has the wrong type.
        """
        known = {camel(f.name): f for f in fields(self)}
        for name, value in raw.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}; known are {sorted(known)}")
            current = getattr(self, known[name].name)
            if isinstance(value, bool) != isinstance(current, bool) or not isinstance(value, int | float):
                raise ValueError(f"setting {name} needs a value like {current!r}")
            setattr(self, known[name].name, type(current)(value))

    def as_json(self) -> dict[str, Any]:
        """All values by their JSON names."""
        return {camel(f.name): getattr(self, f.name) for f in fields(self)}


def camel(name: str) -> str:
    """Turn a Python name into its camelCase form."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
