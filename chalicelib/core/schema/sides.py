"""A mapping's object and table as wholes: keys, link and marker fields, and what a create on either side needs."""

from chalicelib.core.catalog import Column, SalesforceField, SalesforceObject, Table
from chalicelib.core.declared import KEY_FIELD, LINK_COLUMN, MARKER_FIELD
from chalicelib.core.model import Side
from chalicelib.core.schema.context import Context
from chalicelib.core.values.columns import TEXTS, column_type

_ID_LENGTH = 18
_KEY_LENGTH = 36
_FILTERABLE_LENGTH = 255  # SOQL cannot filter by a long text area
_INEXACT = frozenset({"boolean", "datetime", "time", "multipicklist"})
_DEPLOY = "deploy the metadata of infra/salesforce and assign its permission set to the integration user"


def check_table(context: Context, table: Table, filled: set[str]) -> None:
    """Note what keeps rows from being found, linked or inserted; ``filled`` are the columns that an insert fills."""
    _check_key(context, table)
    _check_link(context, table)
    _check_index(context, table)
    if Side.POSTGRES not in context.declared.direction.sides:
        return
    for column in table.columns.values():
        if column.nullable or column.has_default or column.generated or column.name in filled | {LINK_COLUMN}:
            continue
        context.problems.add(
            context.place,
            f'{table.name} needs a value in "{column.name}" (NOT NULL without a default), and no field brings one',
            _filling(context, column),
        )


def _filling(context: Context, column: Column) -> str:
    if column.name in context.declared.key:
        default = "gen_random_uuid()" if column.type == "uuid" else "an identity or a sequence"
        return f'give the key a default ({default}), or write direction = "to_salesforce"'
    return 'map a field to it, give it a default, or write direction = "to_salesforce"'


def _check_key(context: Context, table: Table) -> None:
    place = f'{context.place} "key"'
    if not table.primary_key:
        keys = ", ".join(context.declared.key)
        context.problems.add(
            place, f"{table.name} has no primary key", f"ALTER TABLE {table.name} ADD PRIMARY KEY ({keys})"
        )
    elif set(context.declared.key) != set(table.primary_key):
        names = ", ".join(f'"{name}"' for name in table.primary_key)
        remedy = f"write key = {names if len(table.primary_key) == 1 else f'[{names}]'}"
        context.problems.add(place, f"it is not the primary key of {table.name}", remedy)


def _check_link(context: Context, table: Table) -> None:
    """The link column may be missing, for install adds it; one that is there must be able to do its work."""
    column = table.columns.get(LINK_COLUMN)
    if column is None:
        return
    kind = column_type(column.type)
    fits = kind.name in TEXTS and not kind.array and (kind.length is None or kind.length >= _ID_LENGTH)
    if not fits or not column.nullable or column.generated:
        context.problems.add(
            context.place,
            f'the column "{LINK_COLUMN}" of {table.name} cannot hold the Salesforce id ({column.type})',
            "make it a plain varchar(18) that takes NULL, or rename it and let install add its own",
        )


def _check_index(context: Context, table: Table) -> None:
    """A look for the other half of a record that reads the whole table is slow, but right."""
    columns = [field.column for field in context.declared.fields if field.name in context.declared.match]
    if columns and not table.indexed.intersection(columns):
        named = " or ".join(f'"{column}"' for column in columns)
        context.problems.warn(
            f'{context.place} "match"',
            f"no index of {table.name} begins with {named}: each new record of Salesforce reads the whole table",
            f'CREATE INDEX CONCURRENTLY ON {table.name} ("{columns[0]}")',
        )


def check_object(context: Context, salesforce: SalesforceObject, filled: set[str]) -> None:
    """Note what keeps records from being found, marked or created; ``filled`` are the fields that a create fills."""
    _check_roles(context, salesforce)
    if Side.SALESFORCE not in context.declared.direction.sides:
        return
    _check_own_fields(context, salesforce)
    for field in salesforce.fields.values():
        if field.name not in filled:
            _check_required(context, salesforce, field)


def _check_roles(context: Context, salesforce: SalesforceObject) -> None:
    """The fields that the mapping gives a role: lock group and match."""
    declared = context.declared
    group = salesforce.fields.get(declared.lock_group or "")
    if group is not None and group.type != "reference":
        context.problems.add(
            f'{context.place} "lock_group"', f'"{group.name}" is no lookup field ({group.type})', "name a lookup field"
        )
    for name in declared.match:
        field = salesforce.fields.get(name)
        if field is not None and _unfilterable(field):
            context.problems.add(
                f'{context.place} "match"',
                f'Salesforce cannot search by "{name}" ({field.type}, {field.length} characters)',
                "match by a shorter, unencrypted field",
            )
        elif field is not None and field.type in _INEXACT:
            context.problems.add(
                f'{context.place} "match"',
                f'values of "{name}" ({field.type}) tell no record from another, or not to the same precision',
                "match by a text, a number, a date or a lookup",
            )


def _unfilterable(field: SalesforceField) -> bool:
    return field.type == "encryptedstring" or (field.type == "textarea" and field.length > _FILTERABLE_LENGTH)


def _check_own_fields(context: Context, salesforce: SalesforceObject) -> None:
    for name in (KEY_FIELD, MARKER_FIELD):
        field = salesforce.fields.get(name)
        if field is None:
            context.problems.add(
                context.place,
                f"{salesforce.name} has no field {name}, or it is hidden from the integration user",
                _DEPLOY,
            )
        elif not (field.createable and field.updateable) or field.length < _KEY_LENGTH:
            context.problems.add(
                context.place,
                f"{salesforce.name}.{name} is too short, or the integration user may not edit it",
                _DEPLOY,
            )
        elif name == KEY_FIELD and not (field.unique and field.external_id):
            context.problems.add(context.place, f"{salesforce.name}.{name} is not a unique external id", _DEPLOY)


def _check_required(context: Context, salesforce: SalesforceObject, field: SalesforceField) -> None:
    """A field without which Salesforce creates no record."""
    if field.nillable or not field.createable or field.defaulted_on_create:
        return
    what = f"{salesforce.name} needs a value in {field.name} ({field.label}), and no column brings one"
    remedy = 'map it, or write direction = "to_postgres"'
    context.problems.add(context.place, what, remedy)
