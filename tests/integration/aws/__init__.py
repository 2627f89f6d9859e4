"""The AWS side against the emulator."""
