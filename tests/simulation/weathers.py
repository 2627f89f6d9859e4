"""Named worlds for the simulation."""

from chalicelib.core.mapping import Policy
from tests.simulation.world import Weather

WEATHERS = {
    "fair": Weather(crash=0.0, fault=0.0, lost=0.0, answers=False),
    "hold": Weather(),
    "salesforce_wins": Weather(policy=Policy.SALESFORCE_WINS),
    "deletes": Weather(deletes=True),
    "no_sweep": Weather(lost=0.0),
    "no_sweep_deletes": Weather(lost=0.0, deletes=True),
    "no_sweep_automation": Weather(lost=0.0, automation=True),
    "no_sweep_refusals": Weather(lost=0.0, refusals=True),
    "no_sweep_everything": Weather(lost=0.0, deletes=True, automation=True, refusals=True),
    "conditional": Weather(apex=False, deletes=True),
    "automation": Weather(automation=True),
    "refusals": Weather(refusals=True, answers=False),
    "filled": Weather(filled=4),
    "filled_conditional": Weather(filled=4, apex=False, policy=Policy.SALESFORCE_WINS),
    "filled_deletes": Weather(filled=3, deletes=True),
    "everything": Weather(deletes=True, automation=True, refusals=True),
}
