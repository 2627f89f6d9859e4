"""The database's address, where a token stands for the password."""

from collections.abc import Callable
from typing import TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chalicelib.core.errors import ConfigurationError

Sign: TypeAlias = Callable[[str, int, str], str]  # from host, port and user to a token

PORT = 5432
FORM = "with IAM authentication the database's address is postgresql://USER@HOST/DATABASE: it"


def with_token(dsn: str, sign: Sign) -> str:
    """The address with a token for its password; one that stands in it already counts for nothing.

    Raises:
        ConfigurationError: the address cannot be parsed, or names no host or no user.
    """
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise ConfigurationError(f"{FORM} cannot be parsed") from error
    host, user, port = given.get("host"), given.get("user"), str(given.get("port") or PORT)
    if not host or not user or not port.isdecimal():
        raise ConfigurationError(f"{FORM} names one host, a user, and at most one port")
    return make_conninfo(dsn, password=sign(str(host), int(port), str(user)))
