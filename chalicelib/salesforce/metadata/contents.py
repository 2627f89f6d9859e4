"""What a package is made of, and what of it is filled in later."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.core.catalog import SalesforceObject
from chalicelib.core.declared import DeclaredMapping
from chalicelib.core.errors import ConfigurationError

SOURCE = "force-app/main/default"
LONGEST_TEXT = 255  # characters of a text that an outbound message carries; 100 records have to fit into 6 MB

# standard fields that are long texts wherever they are; what the org says goes first (Object Reference)
_LONG = frozenset({"Description", "SolutionNote", "SpecialTerms"})
_WEBHOOK = re.compile(r"(https://[^/\s?#<>&]+(?:/[^/\s?#<>&]+)*)/webhooks/outbound-messages/[A-Za-z0-9_~.-]{16,}")


class Deletions(StrEnum):
    """What tells of deletions and undeletions."""

    TRIGGER = "trigger"  # Apex triggers publish an event, and an Apex job calls
    RELAY = "relay"  # Change Data Capture and Event Relay
    SWEEP = "sweep"  # nothing in the org: the sweep asks


@dataclass(frozen=True, slots=True)
class File:
    """One file of a package.

    Attributes:
        path: below the package's folder.
        text: its content.
        kind: the metadata type of the component that it defines; None where it only belongs to one.
        member: the component's full name.
    """

    path: str
    text: str
    kind: str | None = None
    member: str = ""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A text that stands in the files for what only an admin knows; `sf` replaces it when it deploys.

    Attributes:
        text: what stands in the files. A host below .invalid has no address, so that nothing can be sent there.
        variable: the environment variable that `sf` takes the value from.
        meaning: what it is, for people.
    """

    text: str
    variable: str
    meaning: str


WEBHOOK_URL = Placeholder(
    "https://fill-in.invalid/webhooks/outbound-messages/TOKEN",
    "TWINLEDGER_WEBHOOK_URL",
    "the address that outbound messages are sent to, with its token",
)
INTEGRATION_USER = Placeholder(
    "fill-in@integration-user.invalid",
    "TWINLEDGER_INTEGRATION_USER",
    "the user name of the integration user",
)
API_URL = Placeholder(
    "https://fill-in-api.invalid",
    "TWINLEDGER_API_URL",
    "the address of the API: that of outbound messages up to /webhooks",
)
AWS_ACCOUNT = Placeholder(
    "arn:aws:FILL-IN-REGION:000000000000",
    "TWINLEDGER_AWS_ACCOUNT",
    "the AWS region, in capital letters, and account: arn:aws:EU-CENTRAL-1:123456789012",
)
PLACEHOLDERS = (WEBHOOK_URL, API_URL, INTEGRATION_USER, AWS_ACCOUNT)


@dataclass(frozen=True, slots=True)
class Request:
    """What to make a package of.

    Attributes:
        objects: the mapped fields of each object, by API name.
        long: fields of each object that are too long for an outbound message.
        webhook_url: where outbound messages go, with the token; None: a placeholder.
        integration_user: its user name; None: a placeholder.
        apex: the sources of the class that writes, by path below the package's source; empty: it is not deployed.
        deletions: what tells of deletions.
        telling: the sources of what does so by Apex, by path; empty unless triggers tell.
    """

    objects: Mapping[str, tuple[str, ...]]
    long: Mapping[str, frozenset[str]]
    webhook_url: str | None = field(default=None, repr=False)
    integration_user: str | None = None
    apex: Mapping[str, str] = field(default_factory=dict)
    deletions: Deletions = Deletions.SWEEP
    telling: Mapping[str, str] = field(default_factory=dict)

    @property
    def sent_to(self) -> str:
        """The address of outbound messages."""
        return self.webhook_url or WEBHOOK_URL.text

    @property
    def called_at(self) -> str:
        """The address of the API."""
        found = _WEBHOOK.fullmatch(self.webhook_url or "")
        return API_URL.text if found is None else found[1]

    @property
    def run_by(self) -> str:
        """The integration user's name."""
        return self.integration_user or INTEGRATION_USER.text

    @property
    def marked(self) -> tuple[str, ...]:
        """The objects that get the two fields: the mapped ones, and Account for the tests of the Apex class."""
        return tuple(sorted({*self.objects, *(["Account"] if self.apex else [])}))

    def carried(self, name: str) -> tuple[str, ...]:
        """The mapped fields of an object that an outbound message carries."""
        return tuple(field for field in self.objects[name] if field not in self.long[name])


def mapped(declared: Iterable[DeclaredMapping]) -> dict[str, tuple[str, ...]]:
    """The fields of each mapped object, in the mapping's order."""
    return {mapping.object: tuple(field.name for field in mapping.fields) for mapping in declared}


def long_texts(
    objects: Mapping[str, tuple[str, ...]], described: Mapping[str, SalesforceObject], without: Iterable[str]
) -> dict[str, frozenset[str]]:
    """The mapped fields of each object that an outbound message does not carry.

    Args:
        objects: mapped fields.
        described: what the org says; an object that is missing was not asked for, and goes by its fields' names.
        without: more of them, as OBJECT.FIELD.

    Raises:
        ConfigurationError: with a line for each field that is not there.
    """
    problems = [f"{name} has no field {field}: correct the mapping file" for name, field in _absent(objects, described)]
    left_out: dict[str, set[str]] = {name: set() for name in objects}
    for text in without:
        name, _, field_name = text.partition(".")
        if field_name in objects.get(name, ()):
            left_out[name].add(field_name)
        else:
            problems.append(f"{text} is no mapped field: write OBJECT.FIELD as the mapping file has them")
    if problems:
        raise ConfigurationError("\n".join(problems))
    return {
        name: frozenset(left_out[name] | {field for field in fields if _is_long(described.get(name), field)})
        for name, fields in objects.items()
    }


def check_webhook_url(url: str) -> str:
    """The address of outbound messages as it was given.

    Raises:
        ConfigurationError: it is none; the text does not repeat it, for it may hold a token.
    """
    if not _WEBHOOK.fullmatch(url):
        raise ConfigurationError(
            "the webhook URL is not one: give https://HOST/STAGE/webhooks/outbound-messages/TOKEN, the token included"
        )
    return url


def _absent(
    objects: Mapping[str, tuple[str, ...]], described: Mapping[str, SalesforceObject]
) -> Iterable[tuple[str, str]]:
    for name, fields in objects.items():
        if name in described:
            yield from ((name, field) for field in fields if field not in described[name].fields)


def _is_long(described: SalesforceObject | None, name: str) -> bool:
    if described is None:
        return name in _LONG
    found = described.fields[name]
    return found.type == "textarea" and found.length > LONGEST_TEXT
