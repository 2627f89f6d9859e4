"""All records of a mapping, a page at a time, in the order of their ids ("SOQL SELECT Syntax")."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.values import id18
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.reader import Reader
from chalicelib.salesforce.soql import literal

PAGE = 2000  # records of a page, which REST gives in one answer


@dataclass(frozen=True, slots=True)
class RecordListing:
    """Lists the records that match a mapping's filter, those of the recycle bin left out.

    Attributes:
        client: the org.
        reader: asks which of many records are there.
    """

    client: Client
    reader: Reader

    def count(self, mapping: ObjectMapping) -> int:
        """How many there are.

        Raises:
            TwinledgerError: a call failed.
        """
        where = f" WHERE {mapping.soql}" if mapping.soql else ""
        return int(self._query(f"SELECT COUNT() FROM {mapping.object}{where}")["totalSize"])  # noqa: S608 - the mapping's own

    def after(self, mapping: ObjectMapping, last: str) -> Sequence[str]:
        """The ids of the next page; empty: there are no more.

        Args:
            mapping: whose.
            last: the last id of the page before; empty: the first page.

        Raises:
            TwinledgerError: a call failed.
        """
        conditions = [f"Id > {literal(last)}"] if last else []
        if mapping.soql:
            conditions.append(f"({mapping.soql})")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"SELECT Id FROM {mapping.object}{where} ORDER BY Id LIMIT {PAGE}"  # noqa: S608 - likewise
        body = self._query(query)
        rows = list(body["records"])
        while not body["done"]:
            body = self.client.page(body["nextRecordsUrl"]).body
            rows += body["records"]
        return [id18(str(row["Id"])) for row in rows]

    def present(self, mapping: ObjectMapping, ids: Collection[str]) -> Collection[str]:
        """Those of the ids whose records are there, alive and in the filter.

        Raises:
            TwinledgerError: a call failed.
        """
        return self.reader.present(mapping, ids)

    def _query(self, soql: str) -> Mapping[str, Any]:
        body: Mapping[str, Any] = self.client.rest("GET", "query/", params={"q": soql}).body
        return body
