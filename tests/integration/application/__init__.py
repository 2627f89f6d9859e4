"""The application's own entry points against the emulator, a real Postgres and the simulated org."""
