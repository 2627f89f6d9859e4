"""A deployment into the emulator, by the literal command."""
