"""Canonical values: one form for what Salesforce and Postgres spell differently.

The forms stand at :class:`chalicelib.core.mapping.Kind`. Two values are the same when their canonical forms are
equal. Going to a system and back gives the same canonical value again, or the way there raises
:class:`~chalicelib.core.errors.Rejected`: nothing is rounded or cut short on the way. A field that is missing on a
side has no value here at all: the caller leaves it out.
"""

from chalicelib.core.values.forms import UNREADABLE, canonical
from chalicelib.core.values.ids import id18, link_of
from chalicelib.core.values.postgres import from_postgres, to_postgres
from chalicelib.core.values.salesforce import JsonValue, from_salesforce, from_salesforce_xml, to_salesforce

__all__ = [
    "UNREADABLE",
    "JsonValue",
    "canonical",
    "from_postgres",
    "from_salesforce",
    "from_salesforce_xml",
    "id18",
    "link_of",
    "to_postgres",
    "to_salesforce",
]
