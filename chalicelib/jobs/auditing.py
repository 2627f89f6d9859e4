"""What a person does is written down before it is done, and completed with what became of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.core.audit import Act, Audit
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.ports import Clock


@dataclass(slots=True)
class Note:
    """What became of an act, as far as it is known.

    Attributes:
        outcome: for the audit.
    """

    outcome: str = "done"


class Auditor:
    """Writes acts down.

    Args:
        audit: where to.
        clock: time and ids.
    """

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    @contextmanager
    def noted(
        self, actor: str, role: str, verb: str, subjects: Iterable[str] = (), fields: Iterable[str] = ()
    ) -> Iterator[Note]:
        """An act: written down at the beginning, and at the end with its outcome.

        Where it ends in an error, the outcome is the error's name: its text may hold a value of a record. An act that
        cannot be written down is not done.

        Raises:
            TwinledgerError: the act's own, or the ledger did not answer.
        """
        act = Act(self._clock.new_id(), self._clock.now(), actor, role, verb, tuple(subjects), tuple(fields))
        self._audit.begin(act)
        note = Note()
        try:
            yield note
        except TwinledgerError as error:
            note.outcome = f"not done: {type(error).__name__}"
            raise
        finally:
            self._audit.end(act, note.outcome, self._clock.now())
