"""Families of records through the application's own entry points: on a real Postgres and a simulated org."""
