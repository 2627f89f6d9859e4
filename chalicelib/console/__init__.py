"""The web console: pages and a JSON interface for the people who look after the sync."""
