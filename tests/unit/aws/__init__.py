"""The AWS side without AWS."""
