"""What a package is to hold: mapped fields, long texts, the webhook's address."""

import pytest

from chalicelib.core.catalog import SalesforceObject
from chalicelib.core.errors import ConfigurationError
from chalicelib.salesforce.metadata.contents import check_webhook_url, long_texts
from tests.unit.core.schema_sample import sf_field
from tests.unit.salesforce.metadata.samples import OBJECTS, WEBHOOK_URL, request


def described(name: str, **lengths: tuple[str, int]) -> SalesforceObject:
    """An object with fields of these types and lengths."""
    fields = {field: sf_field(field, kind, length=length) for field, (kind, length) in lengths.items()}
    return SalesforceObject(name, fields)


def test_the_org_says_which_texts_are_long() -> None:
    """More than 255 characters of text; a multi-select picklist is long in name only."""
    objects = {"X__c": ("A__c", "B__c", "C__c", "Description")}
    found = described(
        "X__c",
        A__c=("textarea", 256),
        B__c=("textarea", 255),
        C__c=("multipicklist", 4099),
        Description=("string", 80),
    )
    assert long_texts(objects, {"X__c": found}, []) == {"X__c": frozenset({"A__c"})}


def test_an_org_that_was_not_asked() -> None:
    """Standard long texts are known by their names, the others are named."""
    found = long_texts(OBJECTS, {}, ["Contact.Notes__c"])
    assert (found["Account"], found["Contact"]) == (frozenset({"Description"}), frozenset({"Notes__c"}))
    assert request().carried("Account") == ("Name", "acme__Region__c")


def test_fields_that_are_not_there() -> None:
    """Told with the remedy, all at once."""
    objects = {"X__c": ("A__c", "B__c")}
    found = {"X__c": described("X__c", A__c=("string", 1))}
    with pytest.raises(ConfigurationError) as refused:
        long_texts(objects, found, ["X__c.A__c", "X__c.C__c", "Y__c.A__c", "A__c"])
    assert str(refused.value).splitlines() == [
        "X__c has no field B__c: correct the mapping file",
        "X__c.C__c is no mapped field: write OBJECT.FIELD as the mapping file has them",
        "Y__c.A__c is no mapped field: write OBJECT.FIELD as the mapping file has them",
        "A__c is no mapped field: write OBJECT.FIELD as the mapping file has them",
    ]


def test_a_webhook_url() -> None:
    """As it is."""
    assert check_webhook_url(WEBHOOK_URL) == WEBHOOK_URL


@pytest.mark.parametrize(
    "url",
    [
        "",
        WEBHOOK_URL.replace("https", "http"),
        WEBHOOK_URL.rpartition("/")[0],
        WEBHOOK_URL + "?a=b",
        WEBHOOK_URL + "\n",
        WEBHOOK_URL[: WEBHOOK_URL.rindex("/") + 16],
        WEBHOOK_URL.replace("outbound-messages", "events"),
        "https:///webhooks/outbound-messages/0123456789abcdef",
    ],
)
def test_what_is_no_webhook_url(url: str) -> None:
    """The error does not repeat it: it may hold the token."""
    with pytest.raises(ConfigurationError) as refused:
        check_webhook_url(url)
    assert "T0ken" not in str(refused.value)
    assert "0123456789abcdef" not in str(refused.value)


def test_a_request_does_not_show_the_token() -> None:
    """Not in a log, not in a traceback."""
    assert WEBHOOK_URL not in repr(request(webhook_url=WEBHOOK_URL))
