"""What comes by the hundred is told from what a person did, as far as Salesforce's messages show it.

A data loader's changes come close together and have one cause: one user, one transaction, one delivery. What has so
many companions goes by the bulk lane; whoever else edits meanwhile does not wait behind it.

The counts are those of one container, and go by windows that do not overlap. That is exact enough: a few hundred of a
hundred thousand by the other lane delay nobody, and a person who is taken for a loader waits for the loaders only.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from chalicelib.core.model import Hint
from chalicelib.core.ports import Clock

TOGETHER = 20  # changes of one cause in one delivery; with more of them all are bulk
OF_TRANSACTION = 20  # changes of one transaction within a window, after which they are bulk
OF_ACTOR = 100  # the same of one user
WINDOW_SECONDS = 10.0


class Bursts:
    """Sorts hints into the lanes.

    Args:
        clock: the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._window = 0
        self._counts: Counter[Hashable] = Counter()

    def sort(self, hints: Sequence[Hint], transaction: str = "") -> list[Hint]:
        """The same hints, each for its lane.

        Args:
            hints: of one delivery.
            transaction: that of all of them, where it is told.
        """
        window = int(self._clock.now() // WINDOW_SECONDS)
        if window != self._window:
            self._window, self._counts = window, Counter()
        by_actor: dict[str | None, list[Hint]] = defaultdict(list)
        for hint in hints:
            by_actor[hint.actor].append(hint)
        many = {actor for actor, some in by_actor.items() if self._many(actor, len(some), transaction)}
        return [replace(hint, bulk=True) if hint.actor in many else hint for hint in hints]

    def _many(self, actor: str | None, number: int, transaction: str) -> bool:
        self._counts["actor", actor] += number
        self._counts["transaction", transaction] += number
        return (
            number > TOGETHER
            or (actor is not None and self._counts["actor", actor] > OF_ACTOR)
            or (transaction != "" and self._counts["transaction", transaction] > OF_TRANSACTION)
        )
