"""One field of a mapping against its Salesforce field and its column: kind, references, and the sides to write."""

from chalicelib.core.catalog import Column, SalesforceField
from chalicelib.core.declared import DeclaredField, DeclaredMapping, Direction
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Side
from chalicelib.core.problems import choose
from chalicelib.core.schema.context import Context
from chalicelib.core.schema.pairs import NOT_KEPT, PAIRS, UNPAIRED, accepts, misfits, recommended


def resolve_field(context: Context, declared: DeclaredField) -> Field | None:
    """The resolved field, or None where a problem was noted."""
    field, column = _salesforce_field(context, declared), _column(context, declared)
    if field is None or column is None:
        return None
    kind = _reference(context, declared, field) if declared.references else _paired(context, declared, field, column)
    if kind is None:
        return None
    writable = _writable(context, declared, field, column)
    place = context.place_of(declared)
    if Side.POSTGRES in writable:
        for misfit in misfits(kind, field, column):
            context.problems.warn(place, misfit, "such a value becomes an issue; alter the column if they are to fit")
    if field.type == "encryptedstring":
        context.problems.warn(
            place,
            "without the permission View Encrypted Data the field reads as a mask, which would be stored",
            "give the integration user that permission",
        )
    return Field(
        name=field.name,
        column=column.name,
        kind=kind,
        column_type=column.type,
        nullable=column.nullable,
        writable=writable,
        parent=declared.references,
        required=kind is Kind.REFERENCE and not field.nillable,
    )


def _salesforce_field(context: Context, declared: DeclaredField) -> SalesforceField | None:
    if context.object is None:
        return None
    field = context.object.fields.get(declared.name)
    if field is None:
        context.problems.add(
            context.place_of(declared),
            f"{context.object.name} has no such field, or it is hidden from the integration user",
            f"correct the name ({choose(declared.name, context.object.fields)}), "
            "or grant read access to it in the permission set",
        )
    return field


def _column(context: Context, declared: DeclaredField) -> Column | None:
    if context.table is None:
        return None
    column = context.table.columns.get(declared.column)
    if column is None:
        context.problems.add(
            context.place_of(declared),
            f'{context.table.name} has no column "{declared.column}"',
            choose(declared.column, context.table.columns),
        )
    return column


def _paired(context: Context, declared: DeclaredField, field: SalesforceField, column: Column) -> Kind | None:
    place = context.place_of(declared)
    pair = PAIRS.get(field.type)
    if pair is None:
        remedy = UNPAIRED.get(field.type, "remove the line")
        context.problems.add(place, f"a field of type {field.type} has no counterpart in Postgres", remedy)
        return None
    if accepts(pair, column):
        if field.reference_to:
            _tell_plain(context, declared, field)
        return pair.kind
    parent = _parent_of(context, field)
    if parent is not None and context.table is not None and declared.column in context.table.foreign_keys:
        remedy = f'add references = "{parent.name}"'
    else:
        remedy = f"use a column of type {recommended(pair, field)}, or map another column"
    reason = f", for {NOT_KEPT[column.type]}" if column.type in NOT_KEPT else ""
    context.problems.add(place, f"a field of type {field.type} cannot be kept in {column.type}{reason}", remedy)
    return None


def _tell_plain(context: Context, declared: DeclaredField, field: SalesforceField) -> None:
    """Say what becomes of a lookup that is no foreign key: an id like any other text, for which nobody waits."""
    targets, parent = ", ".join(field.reference_to), _parent_of(context, field)
    if len(field.reference_to) > 1:
        what = f"it can point to {targets}, so it is kept as a plain id, whose first three characters tell the object"
        remedy = "no parent is waited for: in Postgres set it once the parent is in Salesforce"
    elif parent is None:
        what = f"no mapping keeps {targets}, so it is kept as a plain id"
        remedy = f"map {targets}, make the column a foreign key and add references, if its rows are to be referred to"
    else:
        what = f"it is kept as a plain id, though [{parent.name}] keeps {targets}: no parent is waited for"
        remedy = (
            f'make the column a foreign key and add references = "{parent.name}", if its rows are to be referred to'
        )
    context.problems.warn(context.place_of(declared), what, remedy)


def _parent_of(context: Context, field: SalesforceField) -> DeclaredMapping | None:
    """The mapping that a lookup field could reference."""
    return next((mapping for mapping in context.all.values() if (mapping.object,) == field.reference_to), None)


def _reference(context: Context, declared: DeclaredField, field: SalesforceField) -> Kind | None:
    place = context.place_of(declared)
    parent = context.all[declared.references or ""]
    plain = "remove references and keep the plain id in a column of type varchar(18)"
    known = len(context.problems.lines)
    if field.type != "reference":
        context.problems.add(
            place, f"it references {parent.name}, but is no lookup field ({field.type})", "remove references"
        )
    elif field.reference_to != (parent.object,):
        targets = ", ".join(field.reference_to)
        context.problems.add(place, f"it can point to {targets}, not to {parent.object} alone", plain)
    if len(parent.key) != 1:
        context.problems.add(place, f"[{parent.name}] has a key of {len(parent.key)} columns; one is supported", plain)
    elif context.table is not None and context.table.foreign_keys.get(declared.column) != (parent.table, parent.key[0]):
        key = parent.key[0]
        context.problems.add(
            place,
            f'"{declared.column}" has no foreign key to {parent.table} ({key})',
            f"ALTER TABLE {context.table.name} ADD FOREIGN KEY ({declared.column}) REFERENCES {parent.table} ({key}), "
            f"or {plain}",
        )
    return Kind.REFERENCE if len(context.problems.lines) == known else None


def _writable(context: Context, declared: DeclaredField, field: SalesforceField, column: Column) -> frozenset[Side]:
    """The sides that the sync may write, after those are taken away that the systems do not let be written."""
    direction = declared.direction or context.declared.direction
    sides = direction.sides
    read_only = {
        Side.SALESFORCE: _read_only(field),
        Side.POSTGRES: "a generated column" if column.generated else "",
    }
    place = context.place_of(declared)
    refused = {side for side in sides if read_only[side]}
    if refused and refused == sides:
        what = " and ".join(f"{read_only[side]} in {side.title()}" for side in sorted(refused))
        context.problems.add(place, f"it is {what}, and goes nowhere else", _remedy(declared, field, direction))
    elif refused:
        side = next(iter(refused))
        way = Direction.TO_POSTGRES if side is Side.SALESFORCE else Direction.TO_SALESFORCE
        context.problems.warn(
            place, f"it is {read_only[side]} in {side.title()}, so it goes one way", f'say so: direction = "{way}"'
        )
    if Side.SALESFORCE in sides - refused and field.createable != field.updateable:
        once = "set when a record is created" if field.createable else "changed once the record is there"
        context.problems.warn(
            place, f"in Salesforce it can only be {once}", "any other write becomes an issue; check the permission set"
        )
    return sides - refused


def _read_only(field: SalesforceField) -> str:
    """Why nobody may write a field; empty where somebody may."""
    if field.compound:
        return "made up of other fields"
    if field.calculated:
        return "a formula or roll-up"
    if field.auto_number:
        return "an auto number"
    return "" if field.createable or field.updateable else "read-only for the integration user"


def _remedy(declared: DeclaredField, field: SalesforceField, direction: Direction) -> str:
    if direction is Direction.BOTH:
        return "remove the line"
    other = Direction.TO_POSTGRES if direction is Direction.TO_SALESFORCE else Direction.TO_SALESFORCE
    if direction is Direction.TO_SALESFORCE and field.compound:
        return "map the fields that make it up"
    return f'write direction = "{other}", or remove the line of "{declared.name}"'
