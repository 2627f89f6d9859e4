"""A message that cannot be read."""

from chalicelib.core.errors import Dropped


class MalformedMessage(Dropped):
    """The message is not what its sender promised; the text says what is wrong, and where."""
