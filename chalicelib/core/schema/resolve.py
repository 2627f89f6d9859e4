"""From what the file declares and what both systems have to the mappings that the sync works with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.core.catalog import SalesforceObject, Table
from chalicelib.core.declared import DeclaredField, DeclaredGroup, DeclaredMapping
from chalicelib.core.mapping import Field, Mappings, ObjectMapping, Unit
from chalicelib.core.model import Side
from chalicelib.core.problems import Problems, choose
from chalicelib.core.schema.context import Context
from chalicelib.core.schema.fields import resolve_field
from chalicelib.core.schema.sides import check_object, check_table


@dataclass(frozen=True, slots=True)
class Resolved:
    """Mappings that fit both systems.

    Attributes:
        mappings: the mappings.
        warnings: one line each, in the form of the problems: what works, but not for every value.
    """

    mappings: Mappings
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Everything that the two systems let us see.

    Attributes:
        objects: API names.
        tables: schema-qualified names.
    """

    objects: tuple[str, ...]
    tables: tuple[str, ...]


def resolve(
    declared: Sequence[DeclaredMapping],
    objects: Mapping[str, SalesforceObject],
    tables: Mapping[str, Table],
    file: str = "mappings.toml",
    *,
    names: Names | None = None,
) -> Resolved:
    """Check declared mappings against a live database and org.

    Args:
        declared: what :func:`chalicelib.core.mapping_file.parse` gave.
        objects: the mapped ones that the integration user can see, by the name that the file gives them.
        tables: the mapped ones that the database role can see, by schema-qualified name.
        file: the mapping file's name, for the problems.
        names: of everything that the two can see, for better remedies; None: the mapped ones will do.

    Raises:
        MappingError: with every problem found, one line each.
    """
    problems = Problems(file)
    names = names or Names(tuple(objects), tuple(tables))
    by_name = {mapping.name: mapping for mapping in declared}
    resolved = []
    for mapping in declared:
        context = Context(
            declared=mapping,
            all=by_name,
            object=_object(problems, mapping, objects, names.objects),
            table=_table(problems, mapping, tables, names.tables),
            problems=problems,
        )
        resolved.append(_mapping(context))
    problems.check()
    return Resolved(Mappings(tuple(resolved)), tuple(problems.warnings))


def _object(
    problems: Problems, mapping: DeclaredMapping, objects: Mapping[str, SalesforceObject], names: Iterable[str]
) -> SalesforceObject | None:
    found = objects.get(mapping.object)
    if found is None:
        problems.add(
            f'[{mapping.name}] "object"',
            f'the org has no object "{mapping.object}", or it is hidden from the integration user',
            f"correct the name ({choose(mapping.object, names)}), or grant read access to it in the permission set",
        )
    elif found.name != mapping.object:  # Salesforce answers to any case, but its messages have one
        problems.add(
            f'[{mapping.name}] "object"', f'its name is "{found.name}" in the org', f'write object = "{found.name}"'
        )
    return found


def _table(
    problems: Problems, mapping: DeclaredMapping, tables: Mapping[str, Table], names: Iterable[str]
) -> Table | None:
    if mapping.table not in tables:
        problems.add(
            f'[{mapping.name}] "table"',
            f'the database has no table "{mapping.table}", or the role may not see it',
            f"correct the name ({choose(mapping.table, names)}), or grant SELECT, INSERT, UPDATE and DELETE on it",
        )
    return tables.get(mapping.table)


def _mapping(context: Context) -> ObjectMapping:
    declared = context.declared
    fields = [field for each in declared.fields if (field := resolve_field(context, each))]
    if context.table is not None:
        check_table(context, context.table, {each.column for each in _brought(declared, fields, Side.POSTGRES)})
    if context.object is not None:
        check_object(context, context.object, {each.name for each in _brought(declared, fields, Side.SALESFORCE)})
    columns = context.table.columns if context.table is not None else {}
    return ObjectMapping(
        name=declared.name,
        object=declared.object,
        table=declared.table,
        key=declared.key,
        key_types=tuple(columns[name].type for name in declared.key if name in columns),
        fields=tuple(fields),
        units=tuple(_units(context, {field.name: field for field in fields})),
        first_contact=declared.first_contact,
        on_delete=declared.on_delete,
        creates=declared.direction.sides,
        lock_group=declared.lock_group,
        match=declared.match,
        soql=declared.soql,
        sql=declared.sql,
    )


def _brought(declared: DeclaredMapping, fields: Sequence[Field], side: Side) -> Iterable[DeclaredField]:
    """The fields that a create on a side gets; one with a problem of its own is not called missing besides."""
    kept_back = {field.name for field in fields if side not in field.writable}
    return (each for each in declared.fields if each.name not in kept_back)


def _units(context: Context, fields: Mapping[str, Field]) -> Iterable[Unit]:
    """One unit for each group, where its first field stands, and one for every other field."""
    declared = context.declared
    group_of = {name: group for group in declared.groups for name in group.fields}
    done = set()
    for each in declared.fields:
        group = group_of.get(each.name)
        if group is None and each.name in fields:
            yield Unit(each.name, (each.name,), each.conflict or declared.conflict, fields[each.name].writable)
        elif group is not None and group.name not in done:
            done.add(group.name)
            yield _group_unit(context, group, [fields[name] for name in group.fields if name in fields])


def _group_unit(context: Context, group: DeclaredGroup, members: Sequence[Field]) -> Unit:
    writable = frozenset(Side).intersection(*(field.writable for field in members))
    for field in members:
        if field.writable != writable:
            sides = " and ".join(sorted(side.title() for side in field.writable))
            context.problems.add(
                f'[{context.declared.name}.groups] "{group.name}"',
                f'"{field.name}" can be written in {sides}, others of the group cannot',
                "give the group only fields that go the same ways",
            )
    own = [field.conflict for field in context.declared.fields if field.name in group.fields and field.conflict]
    policy = group.conflict or next(iter(own), context.declared.conflict)
    return Unit(group.name, group.fields, policy, writable)
