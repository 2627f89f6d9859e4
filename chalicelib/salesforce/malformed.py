"""A message that cannot be read."""

import re

from chalicelib.core.errors import Dropped

HALF = re.compile("[\ud800-\udfff]")  # half a character, which JSON can spell and no encoding of Unicode can
LONGEST = 100  # characters of a text that names something: it becomes a part of a queue's message


class MalformedMessage(Dropped):
    """The message is not what its sender promised; the text says what is wrong, and where."""
