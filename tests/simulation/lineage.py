"""Who wrote what over what: hidden tags that follow every edit, whatever its text.

A text says little, for a user may return to an earlier one (A, B, A). So each edit has a tag of its own, which goes
with its value from side to side. A write of the sync is judged by the tags:

    over a tag that its own descends from     an edit follows the one that its user had seen
    over a tag that descends from its own     stale: the newer one is undone by its own ancestor
    over any other                            an edit of somebody else is lost, unless a person or a policy decided
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from chalicelib.core.ledger import EntryChange, Issue, IssueKind
from chalicelib.core.model import Digest, Known, Side, condense
from tests.simulation.habits import plain
from tests.simulation.sample import CODE, GROUP, PARENT

Place: TypeAlias = tuple[Side, str, str]  # side, id of the row or record, field
Seen: TypeAlias = dict[tuple[Side, str, str], int]  # side, field and text, as a worker has read them: the tag
Texts: TypeAlias = Mapping[str, object]
NOTHING = 0  # the tag of no text


@dataclass
class Lineage:
    """The tags of a run.

    Attributes:
        tags: of what stands in each place now.
        parents: per tag, the tags that its user had seen.
        texts: per tag, what was written.
        users: tags of edits that users made; others are of automation.
        kept: tags that an issue or the history has, or that were let go rightly.
        excused: tags that nobody needs to find: of what a user deleted, and of answers that came too late.
        returns: per tag that was read, the one of the same text that was overwritten: a user had come back to it.
        siblings: per tag, the tag that stood on the other side with the same text: its user may have seen either.
        reversals: tags of what an operator put back.
        late_creations: requests to create a row or record that landed after their client had given up.
        late: what commits now is a request whose client has given up.
        late_places: what such a request has written, and nobody since.
        decided: texts of loser and winner, as an operator decided.
        wrongs: what was found wrong.
        counts: what was seen.
    """

    tags: dict[Place, int] = field(default_factory=dict)
    parents: dict[int, frozenset[int]] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    edits: dict[int, int] = field(default_factory=dict)
    users: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    excused: set[int] = field(default_factory=set)
    returns: dict[int, int] = field(default_factory=dict)
    siblings: dict[int, int] = field(default_factory=dict)
    reversals: set[int] = field(default_factory=set)
    late_creations: int = 0
    late: bool = False
    late_places: set[Place] = field(default_factory=set)
    decided: set[tuple[str, str]] = field(default_factory=set)
    wrongs: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    past: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _author: Mapping[str, int] | None = None
    _seen: Seen | None = None
    _made: int = 0
    _digests: dict[str, int] = field(default_factory=dict)

    # --- what was read and written

    @contextmanager
    def by_user(self, author: Mapping[str, int]) -> Iterator[None]:
        """What commits meanwhile is a user's, with these tags."""
        self._author = author
        try:
            yield
        finally:
            self._author = None

    @contextmanager
    def by_worker(self, seen: Seen) -> Iterator[None]:
        """What commits meanwhile is the sync's, by a worker that has seen this."""
        before, self._seen = self._seen, seen
        try:
            yield
        finally:
            self._seen = before

    def edit(self, side: Side, id_: str, values: Texts, other: str | None) -> dict[str, int]:
        """Tags for a user's edit of a row or record whose other half, if any, is ``other``."""
        self._made += 1
        author = {}
        for name, text in values.items():
            if name in {PARENT, CODE}:
                continue
            here = self.tags.get((side, id_, name))
            there = self.tags.get((side.other, other or "", name))
            author[name] = self._tag(text, {here} if here is not None else (), self._made)
            if here is not None and there is not None and self.texts[here] == self.texts[there]:
                self.siblings[author[name]] = there
            self.users.add(author[name])
        return author

    def answer(self, text: object, shown: Iterable[int], edit: int) -> int:
        """The tag of an operator's value, which descends from what was shown."""
        return self._tag(text, shown, edit)

    def known(self, values: Iterable[Known]) -> list[int]:
        """The newest tags of values, of which some may be known by digest only."""
        found = (
            self._digests.get(value.sha256) if isinstance(value, Digest) else self.newest.get(plain(value))
            for value in values
            if value is not None
        )
        return [tag for tag in found if tag is not None]

    def next_edit(self) -> int:
        """A number that the tags of one edit share."""
        self._made += 1
        return self._made

    def _tag(self, text: object, parents: Iterable[int], edit: int) -> int:
        tag = len(self.texts) + 1
        self.texts[tag], self.parents[tag] = plain(text), frozenset(parents)
        self.edits[tag] = edit
        self.newest[plain(text)] = tag
        if isinstance(text, str) and isinstance(digest := condense(text), Digest):
            self._digests[digest.sha256] = tag
        return tag

    def read(self, seen: Seen, side: Side, id_: str, values: Texts) -> None:
        """A worker reads a row or record."""
        for name, text in values.items():
            tag = self.tags.get((side, id_, name)) if text is not None else NOTHING
            if tag is not None:
                seen[side, name, plain(text)] = tag

    def committed(self, side: Side, id_: str, old: Texts, new: Texts, *, judge: bool) -> None:
        """A row or record has changed; by whom is known from the context."""
        for name, after in new.items():
            if name == PARENT or after == old.get(name):
                continue
            place = (side, id_, name)
            before = self.tags.get(place)
            if after is None:
                if self._seen is not None and (side.other, name, plain(None)) not in self._seen:
                    self.wrongs.append(f"phantom: nobody emptied {side} {name} of {id_}")
                self.tags.pop(place, None)
                continue
            if self._author is not None and name in self._author:
                tag = self._author[name]
            elif self._seen is not None:
                tag = self._carried(side, name, after, before)
                self._returned(side, name, old.get(name), before)
                if judge and before is not None and old.get(name) is not None:
                    self._judge(f"{side} {name} of {id_}", before, tag)
            else:
                tag = self._tag(after, {before} if before is not None else (), 0)  # automation, beside a user's edit
            self.tags[place] = tag
            (self.late_places.add if self.late else self.late_places.discard)(place)
            self.past.setdefault((id_, name), []).append(plain(after))

    def removed(self, side: Side, id_: str, old: Texts) -> None:
        """A row or record was deleted; where the sync did it, as its worker had read it."""
        for name, text in old.items():
            if text is not None:
                self._returned(side, name, text, self.tags.get((side, id_, name)))

    def _returned(self, side: Side, name: str, text: object, before: int | None) -> None:
        """The sync overwrites a text to which a user had returned after it was read: who kept the one has the other."""
        read = (self._seen or {}).get((side, name, plain(text)))
        if before is not None and read is not None and read != before:
            self.returns[read] = before

    def _carried(self, side: Side, name: str, text: object, before: int | None) -> int:
        """The tag of a value that the sync writes: that of the other side as its worker had read it."""
        seen = self._seen or {}
        tag = seen.get((side.other, name, plain(text)))
        known = self.newest.get(plain(text))
        put_back = known in self.reversals and before in self.parents[known]
        if tag is not None and not (put_back and tag < known):
            return tag  # else it was read when it stood there long ago, and an operator has put it back
        if known is None and plain(text).startswith("m"):
            return self._tag(text, {before} if before is not None else (), 0)  # a trigger wrote it, beside our write
        if known is None:
            self.wrongs.append(f"phantom: nobody wrote {text} ({side} {name})")
            return self._tag(text, (), 0)
        if before is not None and self.texts[before] == plain(text):
            return before  # a form of what stood there
        return known

    # --- judgement

    def ancestry(self, *tags: int, siblings: bool = True) -> set[int]:
        """Tags and all that they descend from, by way of siblings too."""
        found: set[int] = set()
        chain = list(tags)
        while chain:
            known = chain.pop()
            if known not in found:
                found.add(known)
                chain.extend(self.parents.get(known, ()))
                if siblings and known in self.siblings:
                    chain.append(self.siblings[known])
        return found

    def _judge(self, where: str, loser: int, winner: int) -> None:
        if loser == winner or loser in self.excused or (self.texts[loser], self.texts[winner]) in self.decided:
            return
        older = self.ancestry(winner)
        if loser in older or self.texts[loser] == self.texts[winner]:
            return
        if winner in self.ancestry(loser, siblings=False):
            self.wrongs.append(f"stale: {where}: {self._name(loser)} undone by its ancestor {self._name(winner)}")
        elif self.texts[loser] in {self.texts[tag] for tag in older}:
            self.kept.add(loser)  # its user had returned to what the other one started from: only one side has changed
        elif self.texts[loser] in {self.texts[tag] for tag in self.ancestry(*self.parents[loser]) & self.excused}:
            self.kept.add(loser)  # its user had returned to what was deleted, and came back from the recycle bin
        else:
            self.wrongs.append(f"lost: {where}: {self._name(loser)} overwritten by {self._name(winner)}")

    def _name(self, tag: int) -> str:
        return f"{self.texts[tag]}#{tag}"

    def remembered(self, change: EntryChange, seen: Seen, *, forms: bool) -> None:
        """A change of the ledger was written: its issues and history keep what they show."""
        for past in change.history:
            self._keep(seen, past.side, past.before)
        for issue in change.issues:
            self._keep(seen, Side.POSTGRES, issue.postgres)
            self._keep(seen, Side.SALESFORCE, issue.salesforce)
            if issue.kind is IssueKind.CONFLICT and issue.closed_at is None and not issue.text:
                self._judge_conflict(issue, seen, forms=forms)

    def _keep(self, seen: Seen, side: Side, values: Texts) -> None:
        for name, text in values.items():
            tag = seen.get((side, name, plain(text)), self.newest.get(plain(text)))
            if text is not None and name != PARENT and tag is not None:
                self.kept.add(tag)

    def _judge_conflict(self, issue: Issue, seen: Seen, *, forms: bool) -> None:
        """A conflict is of two edits that do not follow one another."""
        for name in issue.fields:
            texts = [plain(values[name]) for values in (issue.postgres, issue.salesforce) if values.get(name)]
            tags = [
                seen.get((side, name, text))
                for side, text in zip((Side.POSTGRES, Side.SALESFORCE), texts, strict=False)
            ]
            if name == PARENT or len(texts) < 2 or texts[0] == texts[1] or None in tags:
                continue
            if forms and issue.base.get(name) is not None and plain(issue.base[name]) in texts:
                # A crash hid who made a form, and a user has saved since: it counts as that user's edit.
                self.counts["unattributed forms"] = self.counts.get("unattributed forms", 0) + 1
                continue
            if self.late_creations and issue.base.get(name) is None:
                # What landed is ours, but nobody can tell: it is met for the first time, and a person is asked.
                self.counts["late creations"] = self.counts.get("late creations", 0) + 1
                continue
            places = (Side.POSTGRES, (issue.pk or ("",))[0], name), (Side.SALESFORCE, issue.sfid or "", name)
            if self.late_places.intersection(places):
                # It is our own write of an operation that another worker had found not landed, and given up.
                self.counts["late landings"] = self.counts.get("late landings", 0) + 1
                continue
            ours, theirs = (tag for tag in tags if tag is not None)
            if ours in self.ancestry(theirs, siblings=False) or theirs in self.ancestry(ours, siblings=False):
                self.wrongs.append(
                    f"no conflict: {name}: {self._name(ours)} and {self._name(theirs)} follow one another"
                )

    def forget(self, side: Side, id_: str) -> None:
        """A user deletes what they see."""
        mine = [tag for place, tag in self.tags.items() if place[:2] == (side, id_)]
        self.excused |= self.ancestry(*mine)

    def lost(self, standing: Iterable[Place]) -> list[str]:
        """Users' edits that are nowhere: neither in what stands, nor in its ancestry, nor kept."""
        kept = self.kept | {self.returns[tag] for tag in self.kept & self.returns.keys()}
        found = self.ancestry(*(self.tags[place] for place in standing if place in self.tags), *kept)
        return [self._name(tag) for tag in sorted(self.users - found - self.excused)]

    def _of_one(self, texts: Iterable[str]) -> bool:
        """Whether one edit has written all these texts; an operator may have put one of them back beside it."""
        writers = [{self.edits[tag] for tag, known in self.texts.items() if known == text} for text in texts]
        return bool(set[int].intersection(*writers))

    def torn(self, ids: Iterable[tuple[Side, str]]) -> list[str]:
        """Field groups of more than one writer."""
        found = []
        for side, id_ in ids:
            tags = [self.tags.get((side, id_, name)) for name in GROUP]
            edits = {self.edits[tag] for tag in tags if tag is not None}
            texts = tuple(self.texts[tag] for tag in tags if tag is not None)
            if len(edits - {0}) > 1 and not self._of_one(texts):
                found.append(f"{side} {id_}: {[self._name(tag) for tag in tags if tag is not None]}")
        return found
