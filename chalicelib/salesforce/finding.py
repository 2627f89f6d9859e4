"""What a probe found."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One assumption, and whether it holds.

    Attributes:
        name: what was looked at.
        ok: whether the sync may rely on it.
        detail: what was seen.
        remedy: what to do where it does not hold; empty where there is nothing to do.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def passed(findings: Iterable[Finding]) -> bool:
    """Whether everything holds."""
    return all(finding.ok for finding in findings)
