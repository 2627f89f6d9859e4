"""The mapping file that people write: TOML, one table for each pair of an object and a table.

    [contact]
    object = "Contact"
    table = "public.contact"
    key = "id"                        # primary key column or columns
    direction = "both"                # both | to_postgres | to_salesforce
    conflict = "hold"                 # hold | salesforce_wins | postgres_wins | newest_wins
    first_contact = "hold"            # the same, for records that were on both sides before the sync began
    delete = "propagate"              # propagate | keep
    lock_group = "AccountId"          # a lookup field; writes under one parent go out together
    match = ["Email"]                 # recognises records that were on both sides before the sync began
    where = { soql = "IsPersonAccount = false", sql = "kind <> 'person'" }

    [contact.fields]                  # Salesforce field = column
    LastName = "last_name"
    Email = { column = "email", conflict = "salesforce_wins", direction = "both" }
    AccountId = { column = "account_id", references = "account" }

    [contact.groups]                  # fields that merge as one
    mailing_address = ["MailingStreet", "MailingCity"]
    name = { fields = ["FirstName", "LastName"], conflict = "hold" }

Checked here is what the file says by itself; :mod:`chalicelib.core.schema` checks it against both systems.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from chalicelib.core.declared import (
    KEY_FIELD,
    LINK_COLUMN,
    MARKER_FIELD,
    DeclaredField,
    DeclaredGroup,
    DeclaredMapping,
    Direction,
)
from chalicelib.core.mapping import OnDelete, Policy
from chalicelib.core.problems import Problems, choose, closest
from chalicelib.core.toml_table import Table, load, texts_of

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_TABLE_NAME = re.compile(r"[^.\s]+\.[^.\s]+")
_OWN_FIELDS = {
    "id": f'the id links the record to its row by itself, in the column "{LINK_COLUMN}"',
    KEY_FIELD.lower(): "the sync keeps its own record key there",
    MARKER_FIELD.lower(): "the sync keeps its own marker there",
}
_SECTIONS = frozenset({"fields", "groups", "where"})
_KEYS = (
    "object",
    "table",
    "key",
    "direction",
    "conflict",
    "first_contact",
    "delete",
    "lock_group",
    "match",
    "where",
    "fields",
    "groups",
)


def parse(text: str, file: str = "mappings.toml") -> tuple[DeclaredMapping, ...]:
    """Read a mapping file.

    Args:
        text: its content.
        file: its name, for the problems.

    Raises:
        MappingError: with every problem found, one line each: file, table, field, what is wrong, remedy.
    """
    problems = Problems(file)
    content = load(text, problems)
    if not content:
        problems.add("the file", "it declares no mapping", 'add [account] with object = "Account" and the rest')
    mappings = list(_mappings(problems, _gathered(problems, content)))
    _unique(problems, mappings, "object", lambda mapping: mapping.object.lower())
    _unique(problems, mappings, "table", lambda mapping: mapping.table)
    for mapping in mappings:
        _check_references(problems, mapping, [other.name for other in mappings])
    problems.check()
    return tuple(mappings)


def _gathered(problems: Problems, content: Mapping[str, object]) -> Mapping[str, object]:
    """The mappings, with the sections of a mapping whose name is mistyped in their headers where they belong."""
    sections = {
        name: value
        for name, value in content.items()
        if isinstance(value, dict) and value and value.keys() <= _SECTIONS
    }
    headed = {name: value for name, value in content.items() if name not in sections}
    for name, value in sections.items():
        meant = closest(name, (known for known, other in headed.items() if isinstance(other, dict)))
        mapping = headed.get(meant or "")
        if not isinstance(mapping, dict):
            headed[name] = value
            continue
        section = next(iter(value))
        problems.add(f"[{name}.{section}]", f'there is no mapping "{name}"', f'did you mean "[{meant}.{section}]"?')
        headed[meant or ""] = {**value, **mapping}
    return headed


def _mappings(problems: Problems, content: Mapping[str, object]) -> Iterable[DeclaredMapping]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield _mapping(problems, name, value)
        else:
            problems.add("the file", f'"{name}" stands outside of any mapping', "move it below a mapping's header")


def _mapping(problems: Problems, name: str, content: Mapping[str, object]) -> DeclaredMapping:
    table = Table(problems, f"[{name}]", content)
    if not _NAME.fullmatch(name):
        problems.add(table.place, "the mapping's name is not plain", "use lower-case letters, digits and underscores")
    table.only(*_KEYS)
    where = Table(problems, f"[{name}] where", table.table("where"))
    where.only("soql", "sql")
    fields = tuple(_fields(problems, name, table.table("fields")))
    mapping = DeclaredMapping(
        name=name,
        object=table.required("object", '"Account", the API name'),
        table=table.required("table", '"public.account", with the schema'),
        key=table.texts("key"),
        fields=fields,
        groups=tuple(_groups(problems, name, table.table("groups"))),
        direction=table.choice("direction", Direction) or Direction.BOTH,
        conflict=table.choice("conflict", Policy) or Policy.HOLD,
        first_contact=table.choice("first_contact", Policy) or Policy.HOLD,
        on_delete=table.choice("delete", OnDelete) or OnDelete.PROPAGATE,
        lock_group=table.text("lock_group"),
        match=table.texts("match"),
        soql=where.text("soql"),
        sql=where.text("sql"),
    )
    _check_names(problems, mapping)
    _check_fields(problems, mapping)
    _check_groups(problems, mapping)
    return mapping


def _fields(problems: Problems, mapping: str, content: Mapping[str, object]) -> Iterable[DeclaredField]:
    for name, value in content.items():
        place = f'[{mapping}.fields] "{name}"'
        if not isinstance(value, dict | str):
            problems.add(place, "neither a column's name nor a table", 'write "column" or { column = "..." }')
            continue
        table = Table(problems, place, {"column": value} if isinstance(value, str) else value)
        table.only("column", "conflict", "direction", "references")
        yield DeclaredField(
            name=name,
            column=table.required("column", '"...", the column\'s name'),
            conflict=table.choice("conflict", Policy),
            direction=table.choice("direction", Direction),
            references=table.text("references"),
        )


def _groups(problems: Problems, mapping: str, content: Mapping[str, object]) -> Iterable[DeclaredGroup]:
    for name, value in content.items():
        place = f'[{mapping}.groups] "{name}"'
        if isinstance(value, dict):
            table = Table(problems, place, value)
            table.only("fields", "conflict")
            yield DeclaredGroup(name, table.texts("fields"), table.choice("conflict", Policy))
        else:
            yield DeclaredGroup(name, texts_of(problems, place, value))


def _check_names(problems: Problems, mapping: DeclaredMapping) -> None:
    place = f"[{mapping.name}]"
    if mapping.object and not _API_NAME.fullmatch(mapping.object):
        problems.add(
            place, f'"object" cannot be "{mapping.object}"', "write the API name, such as Account or Invoice__c"
        )
    if mapping.table and not _TABLE_NAME.fullmatch(mapping.table):
        problems.add(place, f'"table" cannot be "{mapping.table}"', 'write schema and table, such as "public.account"')
    if not mapping.key:
        problems.add(place, '"key" names no column', 'add key = "id", the primary key column, or a list of columns')
    for name in mapping.match:
        _check_mapped(problems, mapping, f'{place} "match"', name)
    if mapping.lock_group:
        _check_mapped(problems, mapping, f'{place} "lock_group"', mapping.lock_group)


def _check_mapped(problems: Problems, mapping: DeclaredMapping, place: str, name: str) -> None:
    """Note a field that the mapping does not have; of one without fields that is told already."""
    names = [field.name for field in mapping.fields]
    if names and name not in names:
        remedy = f"map it in [{mapping.name}.fields], or correct the name ({choose(name, names)})"
        problems.add(place, f'"{name}" is not mapped', remedy)


def _check_fields(problems: Problems, mapping: DeclaredMapping) -> None:
    if not mapping.fields:
        problems.add(
            f"[{mapping.name}.fields]", "the mapping has no fields", 'add lines such as LastName = "last_name"'
        )
    names: dict[str, str] = {}
    columns: dict[str, str] = {}
    for field in mapping.fields:
        place = f'[{mapping.name}.fields] "{field.name}"'
        _check_field(problems, mapping, field, place)
        first = names.setdefault(field.name.lower(), field.name)
        if first != field.name:
            problems.add(place, f'it is the same field as "{first}"', "remove one of the two")
        first = columns.setdefault(field.column, field.name)
        if field.column and first != field.name:
            problems.add(place, f'"{first}" has the column "{field.column}" already', "give each field its own column")


def _check_field(problems: Problems, mapping: DeclaredMapping, field: DeclaredField, place: str) -> None:
    if not _API_NAME.fullmatch(field.name):
        problems.add(place, "not a field of the object itself", "map fields by their own API name, without a dot")
    if field.name.lower() in _OWN_FIELDS:
        problems.add(place, _OWN_FIELDS[field.name.lower()], "remove the line")
    if field.column == LINK_COLUMN:
        problems.add(place, f'the sync keeps the Salesforce id in "{LINK_COLUMN}"', "map another column")
    direction = field.direction or mapping.direction
    if not direction.sides <= mapping.direction.sides:
        problems.add(
            place,
            f'its direction "{direction}" goes beyond "{mapping.direction}", that of the mapping',
            "change one of the two",
        )
    if field.column in mapping.key and direction is not Direction.TO_SALESFORCE:
        problems.add(
            place, f'"{field.column}" is a key column, and keys are never written', 'add direction = "to_salesforce"'
        )


def _check_groups(problems: Problems, mapping: DeclaredMapping) -> None:
    fields = {field.name: field for field in mapping.fields}
    owner: dict[str, str] = {}
    for group in mapping.groups:
        place = f'[{mapping.name}.groups] "{group.name}"'
        if not _NAME.fullmatch(group.name):
            problems.add(place, "the group's name is not plain", "use lower-case letters, digits and underscores")
        if group.name in fields:
            problems.add(place, "a field has the same name", "rename the group")
        if len(group.fields) < 2:
            problems.add(place, "a group needs at least two fields", "add fields or remove the group")
        for name in group.fields:
            _check_mapped(problems, mapping, place, name)
            first = owner.setdefault(name, group.name)
            if first != group.name:
                problems.add(place, f'"{name}" is in the group "{first}" already', "leave it in one of the two")
        _check_members(problems, mapping, group, [fields[name] for name in group.fields if name in fields])


def _check_members(
    problems: Problems, mapping: DeclaredMapping, group: DeclaredGroup, members: list[DeclaredField]
) -> None:
    """A group merges as one: its members cannot each have a policy or a direction of their own."""
    place = f'[{mapping.name}.groups] "{group.name}"'
    policies = {field.conflict for field in members if field.conflict} | ({group.conflict} if group.conflict else set())
    if len(policies) > 1:
        found = ", ".join(sorted(policies))
        problems.add(place, f"its fields have different policies: {found}", "set conflict once, in the group")
    directions = {field.direction or mapping.direction for field in members}
    if len(directions) > 1:
        found = ", ".join(sorted(directions))
        problems.add(place, f"its fields have different directions: {found}", "give all of them the same direction")


def _check_references(problems: Problems, mapping: DeclaredMapping, known: list[str]) -> None:
    for field in mapping.fields:
        if field.references and field.references not in known:
            problems.add(
                f'[{mapping.name}.fields] "{field.name}"',
                f'it references "{field.references}", which is no mapping of this file',
                choose(field.references, known),
            )


def _unique(
    problems: Problems, mappings: list[DeclaredMapping], what: str, read: Callable[[DeclaredMapping], str]
) -> None:
    owner: dict[str, str] = {}
    for mapping in mappings:
        value = read(mapping)
        first = owner.setdefault(value, mapping.name)
        if value and first != mapping.name:
            problems.add(f"[{mapping.name}]", f"[{first}] maps the same {what}", f"keep one mapping for each {what}")
