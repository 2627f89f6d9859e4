"""What chalice has deployed, kept in the ledger's table: any machine can deploy the stage again, or take it away.

Chalice keeps it in a file of the folder that it deployed from. Without that file it would create a second REST API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.deployment import chalice

if TYPE_CHECKING:
    from pathlib import Path

KEY = {"pk": {"S": "deployment"}, "sk": {"S": "chalice"}}


@dataclass(frozen=True)
class Record:
    """The record of one stage.

    Args:
        client: A boto3 client of DynamoDB.
        table: The ledger's table.
        build: The folder that chalice deploys from.
        stage: The stage's name.
    """

    client: Any
    table: str
    build: Path
    stage: str

    @property
    def file(self) -> Path:
        """Where chalice looks for it."""
        return self.build / ".chalice" / "deployed" / f"{self.stage}.json"

    def restore(self) -> chalice.Deployment | None:
        """Give chalice what was deployed last; None where nothing is."""
        found = self.client.get_item(TableName=self.table, Key=KEY, ConsistentRead=True).get("Item")
        if found is None:
            chalice.forget(self.build)
            return None
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(found["record"]["S"], encoding="utf-8")
        return chalice.deployed(self.build, self.stage)

    def save(self) -> None:
        """Remember what chalice has deployed just now."""
        record = self.file.read_text(encoding="utf-8")
        self.client.put_item(TableName=self.table, Item=KEY | {"record": {"S": record}})

    def forget(self) -> None:
        """Remember that nothing is deployed."""
        self.client.delete_item(TableName=self.table, Key=KEY)
        chalice.forget(self.build)
