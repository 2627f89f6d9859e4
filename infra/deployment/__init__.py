"""Bring a stage into an AWS account, and take it away again: `python -m infra.deployment --help`."""
