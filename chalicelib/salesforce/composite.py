"""The answer of a Composite call (REST API Developer Guide, "Composite")."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.core.errors import ProtocolError
from chalicelib.salesforce.client import Reply


def parts(reply: Reply, references: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """The answers to the subrequests by reference id, in the order asked.

    Raises:
        ProtocolError: there is not exactly one for each; it is then not known what took effect.
    """
    listed = reply.body.get("compositeResponse") if isinstance(reply.body, Mapping) else None
    found = {item["referenceId"]: item for item in listed or ()}
    if sorted(found) != sorted(references):
        raise ProtocolError(f"Composite answered {len(found)} of {len(references)} subrequests")
    return {name: found[name] for name in references}
