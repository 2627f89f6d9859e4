"""A file from which an org that was killed goes on: every commit, every change of its set-up, and what is to be told.

One JSON object a line, appended by a single write before the call is answered, so that a killed process has answered
nothing that the file does not hold. It is not forced to the disk: a crash of the machine may cut its end off.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from infra.local.org.store import BinEntry, Row

if TYPE_CHECKING:
    from infra.local.org.state import Org


class Journal:
    """The lines of one org.

    Args:
        path: the file; None keeps nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: int | None = None
        self._waiting: list[bytes] = []

    def lines(self) -> Iterator[dict[str, Any]]:
        """What an earlier process wrote; a last line that it did not finish is cut off."""
        if self._path is None or not self._path.exists():
            return
        complete = 0
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                complete += len(line)
                yield orjson.loads(line)
        os.truncate(self._path, complete)

    def open(self) -> None:
        """From now on, keep what is noted."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, **content: Any) -> None:
        """Add a line to those of the next :meth:`flush`."""
        if self._file is not None:
            self._waiting.append(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Write what was noted."""
        if self._file is not None and self._waiting:
            written = b"".join(self._waiting)
            self._waiting.clear()
            while written:
                written = written[os.write(self._file, written) :]

    def clear(self) -> None:
        """Forget everything: the org begins anew."""
        self._waiting.clear()
        if self._file is not None:
            os.ftruncate(self._file, 0)


def rows_line(rows: dict[str, Row | None], bin_entries: dict[str, BinEntry | None]) -> dict[str, Any]:
    """The line of a commit."""
    told = {
        record_id: None if entry is None else [entry.object_name, entry.deleted_at, entry.cascade_of, entry.cleared]
        for record_id, entry in bin_entries.items()
    }
    return {"rows": rows, "bin": told}


def replay(org: "Org", line: dict[str, Any]) -> None:
    """Do again what one line says."""
    from infra.local.org.control import set_up  # noqa: PLC0415 - the control API knows the whole org

    match line:
        case {"rows": rows, "bin": entries}:
            told = {i: None if e is None else BinEntry(*e[:3], [(c, n) for c, n in e[3]]) for i, e in entries.items()}
            org.store.apply(rows, told)
        case {"serials": serials, "auto": auto}:
            org.ids.serials.update(serials)
            org.auto_number = auto
        case {"control": name, "method": method, "body": body}:
            set_up(org, name, method, body)
        case {"queued": [definition, *notification]}:
            org.outbound.restore(definition, *notification)
        case {"sent": notifications}:
            org.outbound.restore_sent(frozenset(notifications))
        case {"event": event}:
            org.events.restore(event)
        case {"relayed": event_id}:
            org.events.restore_relayed(event_id)
        case _:
            raise ValueError(f"a line of the journal cannot be read: {sorted(line)}")
