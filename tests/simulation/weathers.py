"""Named worlds for the simulation."""

from chalicelib.core.mapping import Policy
from tests.simulation.world import Weather

WEATHERS = {
    "fair": Weather(crash=0.0, fault=0.0, lost=0.0, answers=False),
    "hold": Weather(),
    "salesforce_wins": Weather(policy=Policy.SALESFORCE_WINS),
    "deletes": Weather(deletes=True),
    "conditional": Weather(apex=False, answers=True),
    "automation": Weather(automation=True),
    "refusals": Weather(refusals=True, answers=False),
    "everything": Weather(deletes=True, automation=True, refusals=True),
}
