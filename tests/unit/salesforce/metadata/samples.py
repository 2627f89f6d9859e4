"""A mapping file with everything that a package has to cope with, and what a made package says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from chalicelib.core.mapping_file import parse
from chalicelib.salesforce.metadata.contents import SOURCE, Deletions, Request, long_texts, mapped

INFRA = Path(__file__).parents[4] / "infra" / "salesforce"
LONG_NAME = f"acme_industries__{('Very_Long_Name_Of_An_Object_' * 2)[:39]}x__c"  # the longest there can be
WEBHOOK_URL = "https://abc.execute-api.eu-central-1.amazonaws.com/api/webhooks/outbound-messages/" + "T0ken-_" * 6
TOML = f"""
[account]
object = "Account"
table = "public.account"
key = "id"
[account.fields]
Name = "name"
Description = "description"
acme__Region__c = "region"

[contact]
object = "Contact"
table = "public.contact"
key = "id"
lock_group = "AccountId"
match = ["Email"]
[contact.fields]
LastName = "last_name"
Email = {{ column = "email", direction = "to_postgres" }}
MailingStreet = "street"
MailingCity = "city"
Notes__c = "notes"
AccountId = {{ column = "account_id", references = "account" }}
[contact.groups]
address = ["MailingStreet", "MailingCity"]

[invoice]
object = "Invoice__c"
table = "public.invoice"
key = "id"
direction = "to_postgres"
[invoice.fields]
Name = "name"
Total__c = "total"

[quote]
object = "acme__Quote__c"
table = "public.quote"
key = "id"
direction = "to_salesforce"
[quote.fields]
acme__Total__c = "total"

[long]
object = "{LONG_NAME}"
table = "public.long"
key = "id"
[long.fields]
{"F" * 37}__c = "f"
"""
OBJECTS = mapped(parse(TOML))


def sources(folder: str) -> dict[str, str]:
    """The Apex sources of a folder of infra/salesforce, by path below a package's source."""
    found = INFRA / folder / "main" / "default"
    files = sorted(path for path in found.rglob("*") if path.is_file())
    return {path.relative_to(found).as_posix(): path.read_text() for path in files}


def apex() -> dict[str, str]:
    """The class that writes, and its tests."""
    return sources("force-app")


def told(deletions: Deletions, **options: Any) -> Request:
    """A request with everything, where deletions are told of in this way."""
    telling = sources("deletions") if deletions is Deletions.TRIGGER else {}
    return request(apex=apex(), deletions=deletions, telling=telling, **options)


def request(without: tuple[str, ...] = (), **options: Any) -> Request:
    """A request for all of the mapping, of an org that was not asked."""
    return Request(objects=OBJECTS, long=long_texts(OBJECTS, {}, without), **options)


def read(files: Mapping[str, str], path: str) -> Element:
    """The root of one file below the package's source."""
    root: Element = fromstring(files[f"{SOURCE}/{path}"])
    return root


def texts(node: Element, path: str) -> list[str]:
    """What the elements of a name say, in their order; names go without namespace."""
    return [found.text or "" for found in node.findall("/".join(f"{{*}}{part}" for part in path.split("/")))]
