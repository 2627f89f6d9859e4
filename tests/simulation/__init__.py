"""The simulator: the real core under a seeded scheduler, on systems in memory."""
