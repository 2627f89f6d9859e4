"""Whether Salesforce takes a mapping's filter: a query with it is asked for one record."""

from chalicelib.core.errors import ConfigurationError, Parked, ProtocolError
from chalicelib.core.mapping import ObjectMapping
from chalicelib.salesforce.client import Client


def refusal(client: Client, mapping: ObjectMapping) -> str | None:
    """What Salesforce says against the filter of a mapping; None: nothing, or there is no filter.

    Raises:
        TwinledgerError: the org did not answer.
    """
    if mapping.soql is None:
        return None
    query = f"SELECT Id FROM {mapping.object} WHERE ({mapping.soql}) LIMIT 1"  # noqa: S608 - the file's own filter
    try:
        client.rest("GET", "query/", params={"q": query})
    except (Parked, ProtocolError, ConfigurationError) as error:
        return str(error)
    return None
