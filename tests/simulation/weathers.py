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


WEATHERS = {
    "fair": Weather(crash=0.0, fault=0.0, lost=0.0, answers=False, touches=False),
    "hold": Weather(),
    "salesforce_wins": Weather(policy=Policy.SALESFORCE_WINS),
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
    "conditional": Weather(apex=False, deletes=True),
    "long_saves": Weather(slow=0.3, long_save=5.0, lost=0.0),
    "automation": Weather(automation=True),
    "refusals": Weather(refusals=True, answers=False),
    "family": Weather(family=True, deletes=True),
    "filled": Weather(filled=4),
    "filled_conditional": Weather(filled=4, apex=False, policy=Policy.SALESFORCE_WINS),
    "filled_deletes": Weather(filled=3, deletes=True),
    "everything": Weather(deletes=True, automation=True, refusals=True, family=True, slow=0.2, long_save=3.0),
}
