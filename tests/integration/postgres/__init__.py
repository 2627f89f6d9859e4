"""The Postgres side on a real server."""
