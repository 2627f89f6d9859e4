"""Edits at random on both sides of the running stack, then a look at each of them: `python -m tests.bench.soak`.

Exit code 1 with the differences where something does not hold; see :mod:`tests.bench.soak.check`.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from chalicelib.core.model import Side
from tests.bench.records import Pair, pairs
from tests.bench.soak.check import Written, check
from tests.bench.soak.edits import Edit, draw, of_thread
from tests.bench.soak.ending import on_the_way, progress, tell, wait
from tests.bench.soak.kill import Killer
from tests.bench.soak.observe import Observer, write
from tests.bench.stack import GONE, Stack, StackDown, circumstances

USERS = 3  # at once, on each side
RELAY_KILLS = (0.15, 0.4, 0.65, 0.9)  # of the time of the edits
SETTLE_KILLS = (0.1, 0.3, 0.5, 0.7, 0.85)


@dataclass
class Soak:
    """One soak.

    Attributes:
        stack: where.
        found: the records.
        edits: what is to be done.
        written: what was done, by edit and field.
        late: seconds that the last edits were behind their time.
    """

    stack: Stack
    found: Sequence[Pair]
    edits: list[Edit]
    written: list[Written] = field(default_factory=list)
    done: int = 0
    late: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, watch: Callable[[], None]) -> float:
        """Make all edits; the seconds that it took. ``watch`` is called again and again."""
        began = time.monotonic()
        with ThreadPoolExecutor(2 * USERS) as pool:
            users = [pool.submit(self._user, side, thread, began) for side in Side for thread in range(USERS)]
            while not all(user.done() for user in users):
                watch()
                time.sleep(0.2)
        for user in users:
            user.result()
        return time.monotonic() - began

    def _user(self, side: Side, thread: int, began: float) -> None:
        org = self.stack.new_org()
        with self.stack.app() as app:
            for edit in of_thread(self.edits, thread, USERS, side):
                behind = time.monotonic() - began - edit.at
                time.sleep(max(0.0, -behind))
                pair = self.found[edit.record]
                replaced = {}
                if side is Side.POSTGRES:
                    replaced = write(app, pair, edit.values)
                else:
                    org.edit(pair.sfid, edit.values)
                self._note(edit, replaced, behind)

    def _note(self, edit: Edit, replaced: dict[str, str | None] | object, behind: float) -> None:
        told = replaced if isinstance(replaced, dict) else {}
        with self._lock:
            self.done += 1
            self.late = max(0.0, behind)
            self.written += [
                Written(edit.number, edit.side, edit.record, name, value, told.get(name), name in told)
                for name, value in edit.values.items()
            ]


def main(arguments: list[str]) -> int:
    """Run a soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--records", type=int, default=500)
    parser.add_argument("--edits", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60.0, help="over which the edits are spread")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill", action="store_true", help="kill the relay and working settle functions meanwhile")
    options = parser.parse_args(arguments)
    try:
        return _soak(Stack.running(), options)
    except StackDown as error:
        print(f"soak: {error}", file=sys.stderr)
    except GONE as error:
        print(f"\nsoak: the stack went away meanwhile: {type(error).__name__}", file=sys.stderr)
    return 1


def _soak(stack: Stack, options: argparse.Namespace) -> int:
    print(f"{circumstances()}, seed {options.seed}")
    found = pairs(stack, options.records, "Soak")
    run = f"{time.time_ns() // 10**6 % 36**4:x}"
    observer = Observer(stack, found)
    observer.level()
    soak = Soak(stack, found, draw(options.seed, options.edits, options.records, options.seconds, run))
    killer = Killer(stack, options.seed)
    took = soak.run(_watch(soak, observer, killer if options.kill else None, options.seconds))
    print(f"\n{len(soak.edits)} edits in {took:.1f} s; killed: {killer.killed if options.kill else 'nothing'}")
    waited = wait(stack, observer)
    return tell(check(soak.written, observer.seen(), on_the_way(stack, observer)), waited)


def _watch(soak: Soak, observer: Observer, killer: Killer | None, seconds: float) -> Callable[[], None]:
    """What happens beside the edits: the progress line, and the kills."""
    began = time.monotonic()
    kills: list[tuple[float, Callable[[], None]]] = []
    if killer is not None:
        kills += [(share * seconds, killer.relay) for share in RELAY_KILLS]
        kills += [(share * seconds, killer.settle) for share in SETTLE_KILLS]
        kills.sort(key=lambda kill: kill[0], reverse=True)
    told = 0.0

    def watch() -> None:
        nonlocal told
        now = time.monotonic() - began
        if kills and now >= kills[-1][0]:
            kills.pop()[1]()
        if now - told >= 5.0:
            told = now
            progress(f"{now:5.0f} s  {soak.done} edits  {observer.differing()} records differ  {soak.late:.1f} s late")

    return watch


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
