"""The port ``Records``: what the settle step relies on, for every implementation."""
