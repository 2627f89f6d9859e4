"""The Postgres side: rows under conditions, capture by triggers, the relay of captured changes."""
