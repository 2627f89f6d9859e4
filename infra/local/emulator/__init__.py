"""The AWS emulator of the one-machine stack: ministack in an environment of its own, bound to 127.0.0.1."""

from infra.local.emulator.server import Emulator, EmulatorError

__all__ = ["Emulator", "EmulatorError"]
