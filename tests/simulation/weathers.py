"""Named worlds for the simulation: how rough a run is."""

from dataclasses import dataclass

from chalicelib.core.mapping import OnDelete, Policy


@dataclass(frozen=True)
class Weather:
    """How rough a run is.

    Attributes:
        policy: of every unit.
        on_delete: whether deletes are carried over.
        apex: whether Salesforce is written by the Apex writer.
        deletes: whether users delete, undelete and insert.
        crash: chance of a crash at each step of a worker.
        fault: chance that a call fails: no answer, a late effect, a lock, a quota, too much.
        lost: chance that a message from Salesforce is lost; where none is, nothing is swept either.
        slow: chance that a user's save in Salesforce commits later than it was stamped.
        long_save: seconds that such a save takes at most.
        answers: whether an operator answers conflicts and has parked writes tried again.
        automation: whether the two systems change what is written.
        refusals: whether the two systems refuse some values, until the end of the run.
        filled: how many records both sides have when the sync begins, to be matched by their code; one code more is
            that of two rows and a record.
        family: whether accounts have contacts, which come first as often as not and change their account.
        hidden: a field that Salesforce hides from the integration user; empty: none.
        crowd: whether everybody works on one record.
        skew: seconds by which the clock of a worker may be off, either way.
        visibility: seconds after a worker's death until its messages come again; the real one outlasts function
            time-out and lease together.
        touches: whether a reconciliation has every record settled now and then.
        edits: chance that a happening is a user's edit.
        unconfigured: a field that outbound messages leave out, for the admin has forgotten it; empty: none.
        pace: seconds that pass at most from one happening to the next.
        eager: whether the message of an edit is taken at once, by a worker that hurries.
        returns: chance that a user goes back to an earlier value.
        lateness: leases after which a request that nobody waits for has landed.
        nursery: whether users mostly make parents with children.
        batch: messages that a worker takes at most.
        fickle: whether users of an eager world take each edit back at once.
        circles: whether accounts refer to accounts too, each other among them.
        fenced: whether records leave the mapping's filters now and then, and come back.
        texts: chance that what a user writes is a long text, which the ledger knows by its digest only.
        clans: whether users delete accounts with all of their contacts, too, and merge them in Salesforce.
    """

    policy: Policy = Policy.HOLD
    on_delete: OnDelete = OnDelete.PROPAGATE
    apex: bool = True
    deletes: bool = False
    crash: float = 0.04
    fault: float = 0.03
    lost: float = 0.15
    slow: float = 0.0
    long_save: float = 0.0
    answers: bool = True
    automation: bool = False
    refusals: bool = False
    filled: int = 0
    family: bool = False
    hidden: str = ""
    crowd: bool = False
    skew: float = 0.4
    visibility: float = 7.5
    touches: bool = True
    edits: float = 0.09
    unconfigured: str = ""
    pace: float = 0.25
    eager: bool = False
    returns: float = 0.12
    lateness: float = 2.0
    nursery: bool = False
    batch: int = 3
    texts: float = 0.0
    fickle: bool = False
    clans: bool = False
    fenced: bool = False
    circles: bool = False


WEATHERS = {
    "fair": Weather(crash=0.0, fault=0.0, lost=0.0, answers=False, touches=False),
    "hold": Weather(),
    "salesforce_wins": Weather(policy=Policy.SALESFORCE_WINS),
    "postgres_wins": Weather(policy=Policy.POSTGRES_WINS),
    "newest_wins": Weather(policy=Policy.NEWEST_WINS, deletes=True),
    "decisions": Weather(edits=0.05, lost=0.0, touches=False, crowd=True, crash=0.12, fault=0.06),
    "texts": Weather(texts=0.5, lost=0.0, touches=False, deletes=True),
    "deletes": Weather(deletes=True),
    "kept": Weather(deletes=True, on_delete=OnDelete.KEEP, lost=0.0, touches=False),
    "no_sweep": Weather(lost=0.0, touches=False),
    "no_sweep_deletes": Weather(lost=0.0, touches=False, deletes=True),
    "no_sweep_automation": Weather(lost=0.0, touches=False, automation=True),
    "no_sweep_refusals": Weather(lost=0.0, touches=False, refusals=True),
    "no_sweep_family": Weather(lost=0.0, touches=False, family=True),
    "no_sweep_everything": Weather(lost=0.0, touches=False, deletes=True, automation=True, refusals=True, family=True),
    "crowd": Weather(lost=0.0, touches=False, crowd=True, crash=0.0, fault=0.0, answers=False),
    "hidden": Weather(lost=0.0, hidden="Phone"),
    "unconfigured": Weather(lost=0.02, touches=False, unconfigured="Name"),
    "conditional": Weather(apex=False, deletes=True),
    "long_saves": Weather(slow=0.3, long_save=5.0, lost=0.0),
    "automation": Weather(automation=True),
    "refusals": Weather(refusals=True, answers=False),
    "family": Weather(family=True, deletes=True),
    "filled": Weather(filled=4),
    "filled_conditional": Weather(filled=4, apex=False, policy=Policy.SALESFORCE_WINS),
    "filled_deletes": Weather(filled=3, deletes=True),
    "eager": Weather(lost=0.0, touches=False, crowd=True, crash=0.0, fault=0.0, answers=False, eager=True, edits=0.03),
    "fickle": Weather(
        lost=0.0, touches=False, crowd=True, crash=0.0, fault=0.0, answers=False, eager=True, edits=0.03, fickle=True
    ),
    "crashes": Weather(lost=0.0, touches=False, crowd=True, crash=0.12, fault=0.05, answers=False, eager=True),
    "ripples": Weather(
        lost=0.0, touches=False, automation=True, crash=0.0, fault=0.0, answers=False, eager=True, edits=0.03
    ),
    "late": Weather(
        lost=0.0, touches=False, crowd=True, crash=0.0, fault=0.15, answers=False, returns=0.5, lateness=5.0
    ),
    "conditional_crowd": Weather(
        apex=False, lost=0.0, touches=False, crowd=True, crash=0.0, fault=0.0, answers=False, pace=0.06, eager=True
    ),
    "clans": Weather(family=True, deletes=True, clans=True, nursery=True, answers=False, edits=0.06),
    "no_sweep_clans": Weather(
        family=True, deletes=True, clans=True, nursery=True, answers=False, edits=0.06, lost=0.0, touches=False
    ),
    "nursery": Weather(lost=0.0, touches=False, family=True, nursery=True, crash=0.01, eager=True, edits=0.04, batch=1),
    "fenced": Weather(fenced=True, lost=0.0, touches=False, crowd=True, crash=0.01, eager=True, edits=0.05),
    "fenced_family": Weather(fenced=True, lost=0.0, family=True, refusals=True),
    "circles": Weather(
        lost=0.0, touches=False, circles=True, nursery=True, family=True, eager=True, edits=0.015, batch=2
    ),
    "everything": Weather(deletes=True, automation=True, refusals=True, family=True, slow=0.2, long_save=3.0),
}

# Worlds that break a promise: of a deployment that is set up wrong, and of what the conditional writer cannot see.
BROKEN = {
    "short_visibility": Weather(lost=0.0, touches=False, visibility=0.3, crowd=True, crash=0.1, edits=0.03),
    "conditional_long_saves": Weather(
        apex=False, slow=0.3, long_save=5.0, lost=0.0, touches=False, fault=0.0, crash=0.0
    ),
}
