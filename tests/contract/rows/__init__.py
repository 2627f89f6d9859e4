"""The port ``Rows``: what the settle step relies on, for every implementation."""
