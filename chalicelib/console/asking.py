"""Ask many things side by side, wait for none of them for long, and none twice within some seconds.

A source that does not answer in time is not asked again before it has: its answer is taken when it comes.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock

from chalicelib.core.errors import TwinledgerError
from chalicelib.core.ports import Clock

PATIENCE = 2.0  # seconds for all sources together
THREADS = 12


@dataclass(frozen=True, slots=True)
class Source:
    """Something that is asked.

    Attributes:
        ask: raises a TwinledgerError where it does not answer.
        seconds: for which an answer is good.
        remedy: what a person looks at where it does not answer.
    """

    ask: Callable[[], object]
    seconds: float
    remedy: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source has said last.

    Attributes:
        value: None: it did not answer.
        problem: why not, for people; empty where it did.
        at: when, seconds since the epoch.
    """

    value: object
    problem: str
    at: float


class Asker:
    """Asks sources.

    Args:
        sources: by name.
        clock: time.
        patience: seconds to wait for all of them together.
    """

    def __init__(self, sources: Mapping[str, Source], clock: Clock, patience: float = PATIENCE) -> None:
        self._sources = sources
        self._clock = clock
        self._patience = patience
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="console")
        self._lock = Lock()
        self._asked: dict[str, Future[Answer]] = {}
        self._known: dict[str, Answer] = {}

    def ask(self) -> Mapping[str, Answer]:
        """What each source says now, or has said some seconds ago."""
        with self._lock:
            wanted = {name: self._begun(name, source) for name, source in self._sources.items() if self._old(name)}
            wait(wanted.values(), timeout=self._patience)
            for name, asked in wanted.items():
                if asked.done():
                    self._known[name] = asked.result()
                    del self._asked[name]
                else:
                    text = f"no answer within {self._patience:.0f} s; {self._sources[name].remedy}"
                    self._known[name] = Answer(None, text, self._clock.now())
            return dict(self._known)

    def forget(self) -> None:
        """Ask everything anew: something was changed."""
        with self._lock:
            self._known = {}

    def _old(self, name: str) -> bool:
        known = self._known.get(name)
        return known is None or name in self._asked or self._clock.now() - known.at >= self._sources[name].seconds

    def _begun(self, name: str, source: Source) -> "Future[Answer]":
        if name not in self._asked:
            self._asked[name] = self._threads.submit(self._answer, source)
        return self._asked[name]

    def _answer(self, source: Source) -> Answer:
        try:
            return Answer(source.ask(), "", self._clock.now())
        except TwinledgerError as error:
            text = " ".join(str(error).split())  # libpq's own texts have several lines
            return Answer(None, f"{text}; {source.remedy}", self._clock.now())
