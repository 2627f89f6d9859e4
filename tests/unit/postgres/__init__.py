"""The Postgres side without a server."""
