"""Records that were merged into others: what refers to the loser means the winner.

A merge in Salesforce deletes the loser, with the winner's id in it, and gives its children to the winner. Their rows
follow as with any edit of Salesforce, and the loser's row goes last (:mod:`chalicelib.core.departures`). Only what was
put below the loser in Postgres meanwhile has nobody who gives it to the winner:

    Salesforce:  L is merged into W, its children move to W
    Postgres:            a row is put below L | ........................................... | the row is below W
    we:                                         write: below L? refused | read L: W | write below W, on both sides
"""

from collections.abc import Collection, Mapping

from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Identity, SalesforceId
from chalicelib.core.ports import RecordQuery, Records
from chalicelib.core.work import Work

HOPS = 5  # merges one after the other, of which each winner lost the next, that are followed in one round


class Losers:
    """Finds winners.

    Args:
        mappings: what is kept the same.
        records: the Salesforce side.
    """

    def __init__(self, mappings: Mappings, records: Records) -> None:
        self._mappings = mappings
        self._records = records

    def replaced(self, work: Work, parents: Collection[Identity]) -> bool:
        """Whether parents that Salesforce does not have were merged: references to them mean the winners from now on.

        Raises:
            TwinledgerError: Salesforce did not answer.
        """
        known = work.winners.keys()
        asked = {one: one for one in parents if isinstance(one, SalesforceId) and one.id not in known}
        found: dict[str, str] = {}
        for _ in range(HOPS):
            winners = self._winners(set(asked.values()))
            asked = {loser: winners[last] for loser, last in asked.items() if last in winners}
            if not asked:
                break
            found |= {loser.id: winner.id for loser, winner in asked.items()}
        work.winners = {loser: found.get(winner, winner) for loser, winner in work.winners.items()} | found
        return bool(found)

    def _winners(self, identities: Collection[SalesforceId]) -> Mapping[SalesforceId, SalesforceId]:
        asked = sorted(identities, key=lambda one: one.id)
        queries = [RecordQuery(self._mappings.by_object[one.object], one.id) for one in asked]
        records = self._records.read(queries) if queries else ()
        return {
            one: SalesforceId(one.object, record.merged_into)
            for one, record in zip(asked, records, strict=True)
            if record is not None and record.deleted and record.merged_into is not None
        }
