"""Users, what they may see and edit, and their sessions."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from infra.local.org.errors import fail
from infra.local.org.schema import Field, ObjectType


@dataclass(frozen=True, slots=True)
class User:
    """A user and the fields that are hidden from or read-only for that user, as ``(object or *, field)``."""

    name: str
    user_id: str
    username: str
    hidden: frozenset[tuple[str, str]] = frozenset()
    read_only: frozenset[tuple[str, str]] = frozenset()
    read_only_objects: frozenset[str] = frozenset()

    def sees(self, object_name: str, field_name: str) -> bool:
        """Whether the field is visible."""
        return not self.hidden or not self.hidden & {(object_name, field_name), ("*", field_name)}

    def edits(self, object_name: str, field_name: str) -> bool:
        """Whether field-level security lets the user write the field."""
        return not self.read_only or not self.read_only & {(object_name, field_name), ("*", field_name)}


@dataclass(frozen=True, slots=True)
class Session:
    """Who calls, and the client name of ``Sforce-Call-Options`` (CDC's ``changeOrigin`` shows it)."""

    user: User
    client: str = ""
    api: str = "rest/66.0"
    allows_duplicates: bool = False

    @property
    def change_origin(self) -> str:
        """The origin as change events state it."""
        return f"com/salesforce/api/{self.api};client={self.client}"


def may_write(user: User, kind: ObjectType, found: Field, *, creating: bool) -> bool:
    """Whether a user may set a field on create or on update."""
    return (found.createable if creating else found.updateable) and user.edits(kind.name, found.name)


def check_object(user: User, kind: ObjectType) -> None:
    """Refuse a write to an object that the user may only read.

    Raises:
        OrgError: INSUFFICIENT_ACCESS_OR_READONLY.
    """
    if kind.name in user.read_only_objects or kind.name in {"User", "Organization"}:
        raise fail("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")


@dataclass
class Tokens:
    """Opaque access tokens; those of a login expire, those given at start do not unless they are told to."""

    users: dict[str, str] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)

    def issue(self, user_name: str, org_id: str) -> str:
        """Make a token for a user."""
        token = f"{org_id[:15]}!{secrets.token_urlsafe(48)}"
        self.users[token] = user_name
        return token

    def expire(self, user_name: str | None, keep: frozenset[str]) -> int:
        """Expire the tokens of one user or of all, the kept ones aside; return how many."""
        gone = [t for t, name in self.users.items() if t not in keep and user_name in {None, name}]
        self.expired.update(gone)
        return len(gone)

    def user_of(self, token: str) -> str | None:
        """The name of the user whose live token this is."""
        return None if token in self.expired else self.users.get(token)


def user_row(user: User, stamp: str, profile_id: str) -> dict[str, Any]:
    """The row of the User object."""
    return {
        "Id": user.user_id,
        "IsDeleted": False,
        "CreatedDate": stamp,
        "CreatedById": user.user_id,
        "LastModifiedDate": stamp,
        "LastModifiedById": user.user_id,
        "SystemModstamp": stamp,
        "Username": user.username,
        "FirstName": None,
        "LastName": user.name.title(),
        "Name": user.name.title(),
        "Alias": user.name[:8],
        "Email": user.username,
        "IsActive": True,
        "UserType": "Standard",
        "ProfileId": profile_id,
    }
