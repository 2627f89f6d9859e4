"""How everything does, part by part: what is asked of each, when it is unwell, and what a person does about it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from chalicelib.aws.backfills import Backfill
from chalicelib.aws.pauses import Pause, named
from chalicelib.aws.state import Installation, Probe
from chalicelib.core.errors import ConfigurationError, Halted, TwinledgerError
from chalicelib.core.ledger import IssueKind
from chalicelib.jobs.budget import Shares
from chalicelib.jobs.guards import REMEDY, check_probed, remedy
from chalicelib.jobs.quota import Usage
from chalicelib.jobs.sweep import STRETCHED_SECONDS
from chalicelib.postgres.status import CaptureStatus
from chalicelib.settings import Lane

LATE_CAPTURE = 60.0  # seconds for which a captured change may lie in the outbox
LATE_BACKFILL = 300.0  # seconds since a backfill that is not finished got on
LATE_SWEEP = 300.0  # seconds since the last sweep of an object, which runs every minute


class Unwell(Halted):
    """A part answers, but does not do what it should; the text has the remedy."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that has to do well.

    Attributes:
        name: for people.
        ask: how it does, in a line; raises a TwinledgerError where it does not do well.
        remedy: what a person does where it does not answer.
        needs: names of parts without which it cannot be asked.
    """

    name: str
    ask: Callable[[], str]
    remedy: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """How a part does.

    Attributes:
        name: the part.
        ok: whether it does well.
        text: how, or what is wrong and what to do.
    """

    name: str
    ok: bool
    text: str


def look(parts: Iterable[Part]) -> list[Finding]:
    """Ask every part, but for those that need one that has failed."""
    found: dict[str, Finding] = {}
    for part in parts:
        failed = [name for name in part.needs if not found[name].ok]
        if failed:
            found[part.name] = Finding(part.name, ok=False, text=f"not asked, for it needs: {', '.join(failed)}")
        else:
            found[part.name] = _finding(part)
    return list(found.values())


def _finding(part: Part) -> Finding:
    try:
        return Finding(part.name, ok=True, text=part.ask())
    except Unwell as error:
        return Finding(part.name, ok=False, text=str(error))
    except TwinledgerError as error:
        text = " ".join(str(error).split())  # libpq's own texts have several lines
        return Finding(part.name, ok=False, text=f"{type(error).__name__}: {text}; {part.remedy}")


# --- what is asked of each part


def installed(installation: Installation | None, file: str | None) -> str:
    """What is kept the same.

    Args:
        installation: what is installed.
        file: fingerprint of the mapping file as it is here; None: there is none.

    Raises:
        Unwell: nothing is installed, or an installation was begun and not finished.
    """
    if installation is None:
        raise Unwell("nothing is installed yet: run `python manage.py install`")
    names = ", ".join(installation.mappings.by_name)
    if installation.changing:
        raise Unwell(
            f"{names}; an installation was begun and not finished, so messages come again and again: "
            "run `python manage.py install` to its end"
        )
    changed = file is not None and file != installation.fingerprint
    return f"{names} kept the same{'; the mapping file has been changed since: `install` it' if changed else ''}"


def probed(installation: Installation, probe: Probe | None) -> str:
    """Whether the org keeps what conditional writes rest on.

    Raises:
        Unwell: it is to be written both ways, and is not known to.
    """
    try:
        check_probed(installation.mappings, installation.organization_id, probe)
    except ConfigurationError as error:
        raise Unwell(str(error)) from error
    return (
        "not needed, for nothing is written both ways" if probe is None else "passed" if probe.passed else "not passed"
    )


def running(pauses: Iterable[Pause]) -> str:
    """Whether anything is paused.

    Raises:
        Unwell: it is, with by whom and why.
    """
    paused = [
        f"{named(one.scope)} is paused by {one.actor or 'the brake'}{f': {one.reason}' if one.reason else ''}"
        for one in pauses
    ]
    if paused:
        raise Unwell(f"{'; '.join(paused)}: `resume` goes on")
    return "nothing"


def captured(installation: Installation, found: CaptureStatus) -> str:
    """How the database, its capture and its relay do.

    Raises:
        Unwell: it is another database, or captured changes are not relayed.
    """
    if found.database != installation.database:
        told = remedy(installation.database, found.database)
        raise Unwell(f"this is database {found.database}, not {installation.database}: {told}")
    relay = "a relay is at work" if found.relayed else "no relay is at work just now"
    text = f"{found.depth} captured changes wait to be relayed, {relay}"
    if found.age > LATE_CAPTURE:
        raise Unwell(
            f"{text}; the oldest waits for {found.age:.0f} s: look at the relay's log "
            "(`python manage.py relay`, or the function relay_changes)"
        )
    return text


def connected(installation: Installation, organization_id: str) -> str:
    """Whether it is the org that was installed.

    Raises:
        Unwell: it is another org.
    """
    if organization_id != installation.organization_id:
        raise Unwell(f"this is org {organization_id}, not {installation.organization_id}: {REMEDY}")
    return f"org {organization_id}"


def allowed(usage: Usage, shares: Shares) -> str:
    """What the org lets us ask yet.

    Raises:
        Unwell: so much is used that edits wait.
    """
    text = f", {usage.left} of {usage.total} API requests left today"
    if shares.spent(usage, bulk=False):
        raise Unwell(
            f"{usage.used} of {usage.total} API requests of the last 24 hours are used, more than the {shares.live} % "
            "(TWINLEDGER_API_SHARE) that leave any for edits: edits wait in the agenda and go on by themselves, tried "
            "every 15 min; find out who uses them (Setup, System Overview), or have the allowance raised"
        )
    if shares.spent(usage, bulk=True):
        return f"{text}; the bulk lane waits, for more than {shares.bulk} % are used (TWINLEDGER_API_SHARE_BULK)"
    return text


def queued(waiting: Mapping[Lane, int], dead: Mapping[Lane, int]) -> str:
    """How many messages are on their way, and how many were given up.

    Raises:
        Unwell: messages were given up, and nothing makes issues of them.
    """
    text = f"{_counted(waiting)} on their way"
    lying = {lane: count for lane, count in dead.items() if count}
    if lying:
        which = _counted(lying)
        names = ", ".join(f"take_{lane}_dead_letters" for lane in lying)
        raise Unwell(f"{text}; {which} dead, and not made issues of: look at the log of {names}")
    return f"{text}, none dead"


def filled(backfills: Iterable[Backfill], now: float) -> str:
    """How far backfills are that were begun.

    Raises:
        Unwell: one was not finished, and nobody goes on with it.
    """
    under_way = [one for one in backfills if one.finished_at is None]
    told = [
        f"{one.mapping} by {one.actor}, {sum(one.seen.values()):,} of {sum(one.totals.values()):,} told of"
        for one in under_way
    ]
    left = [one.mapping for one in under_way if now - one.updated_at > LATE_BACKFILL]
    if left:
        raise Unwell(f"{'; '.join(told)}: `backfill {' '.join(left)}` goes on")
    return "; ".join(told) or "none under way"


def _counted(messages: Mapping[Lane, int]) -> str:
    return ", ".join(
        f"{count} of the bulk lane" if lane is Lane.BULK else f"{count} from {lane.title()}"
        for lane, count in messages.items()
    )


def swept(installation: Installation, turns: Mapping[str, float], now: float, *, stretched: bool = False) -> str:
    """When each object was last swept.

    Args:
        installation: what is kept the same.
        turns: when, by object, seconds since the epoch; an object that never was is left out.
        now: seconds since the epoch.
        stretched: whether it asks less often, because API requests are running out.

    Raises:
        Unwell: one was not swept for long.
    """
    longest = LATE_SWEEP + (STRETCHED_SECONDS if stretched else 0.0)
    ages = {name: now - turns.get(name, installation.installed_at) for name in installation.mappings.by_object}
    late = [name for name, age in ages.items() if age > longest]
    if late:
        raise Unwell(
            f"{', '.join(late)}: no sweep for {max(ages[name] for name in late) / 60:.0f} min, so lost messages "
            "are not made good: look at the log of the function sweep"
        )
    if not turns:
        return "did not run yet"
    seldom = f"; only every {STRETCHED_SECONDS / 60:.0f} min, for API requests are running out" if stretched else ""
    return f"every object, the last {min(now - at for at in turns.values()):.0f} s ago{seldom}"


def opened(counts: Mapping[tuple[str, IssueKind], int], most: int) -> str:
    """How many issues wait for a person; that is no failure.

    Args:
        counts: by mapping and kind.
        most: up to which those of one mapping and kind were counted.
    """
    if not counts:
        return "none open"
    by_kind: Counter[IssueKind] = Counter()
    for (_, kind), count in counts.items():
        by_kind[kind] += count
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(by_kind.items()))
    least = "at least " if max(counts.values()) >= most else ""
    return f"{least}{by_kind.total()} open ({kinds}): `issues` lists them"
