"""Tests of the metadata that an admin deploys."""
