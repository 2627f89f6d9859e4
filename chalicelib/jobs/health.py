"""How the deployment does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from chalicelib.jobs.status import Finding

OK = "ok"


@dataclass(frozen=True, slots=True)
class Report:
    """What is told.

    Attributes:
        status: HTTP status.
        content: for JSON.
    """

    status: int
    content: Mapping[str, object]


REFUSED = Report(HTTPStatus.FORBIDDEN, {"error": "the API key in the header x-api-key is missing or not known"})


def alive(stage: str) -> Report:
    """The deployment answers. Nothing else is asked: monitors call this often, and without a secret."""
    return Report(HTTPStatus.OK, {"status": OK, "stage": stage})


def deep(stage: str, findings: Iterable[Finding]) -> Report:
    """Everything behind the deployment; each part is ``ok``, or what is wrong with it."""
    found = {one.name: OK if one.ok else one.text for one in findings}
    well = all(state == OK for state in found.values())
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return Report(status, {"status": OK if well else "unwell", "stage": stage, "parts": found})
