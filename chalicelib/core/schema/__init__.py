"""Declared mappings against a live database and org, and the resolved mappings as stored text."""

from chalicelib.core.schema.resolve import Names, Resolved, resolve
from chalicelib.core.schema.stored import fingerprint, from_json, to_json

__all__ = ["Names", "Resolved", "fingerprint", "from_json", "resolve", "to_json"]
