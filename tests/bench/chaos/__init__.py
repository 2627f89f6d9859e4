"""Chaos: users edit both sides while processes die, stop and lose connections, and then a look from outside."""
