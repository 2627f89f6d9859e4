"""The statements of one mapping: SQL composed once from ``rows.sql`` and the mapping."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from psycopg import sql

from chalicelib.core.errors import MappingError
from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping, Reference
from chalicelib.postgres.keys import cast_type, key_text
from chalicelib.postgres.statements import joined, relation, statement

FILE = "rows"
SFID = "sfid"
_AS_TEXT = frozenset({Kind.TEXT, Kind.ID})


@dataclass(frozen=True)
class RowSql:
    """Statements for the rows of one mapping.

    Attributes:
        mapping: the mapping.
        parents: the mapping that each reference field points to.
        references: what points to this mapping.

    Raises:
        MappingError: a reference points to a mapping whose primary key has several columns.
    """

    mapping: ObjectMapping
    parents: dict[str, ObjectMapping]
    references: tuple[Reference, ...] = ()

    @classmethod
    def of(cls, mapping: ObjectMapping, mappings: Mappings) -> "RowSql":
        """The statements of a mapping, its parents found among all mappings."""
        parents = {field.name: mappings.by_name[field.parent] for field in mapping.fields if field.parent is not None}
        problems = [
            f"{mapping.table}: field {name}: the parent table {parent.table} has a primary key of several columns, "
            f"which a reference cannot name: map the column as plain id, or leave it out"
            for name, parent in parents.items()
            if len(parent.key) != 1
        ]
        if problems:
            raise MappingError(problems)
        return cls(mapping, parents, mappings.references.get(mapping.name, ()))

    # --- pieces

    @cached_property
    def _table(self) -> sql.Identifier:
        return relation(self.mapping.table)

    @cached_property
    def _pk(self) -> sql.Composed:
        return _pk_of(self.mapping)

    @cached_property
    def _by_pk(self) -> sql.Composed:
        """The row whose key the parameters pk0, pk1, ... hold."""
        return joined(
            [
                sql.SQL("{} = {}::{}").format(
                    sql.Identifier("t", column), sql.Placeholder(f"pk{at}"), cast_type(self.mapping.key_types[at])
                )
                for at, column in enumerate(self.mapping.key)
            ],
            " AND ",
        )

    def _alias(self, field: Field) -> sql.Identifier:
        """What a reference's parent is called in a join."""
        return sql.Identifier(f"parent_{field.column}"[:63])

    @property
    def _references(self) -> list[Field]:
        return [field for field in self.mapping.fields if field.name in self.parents]

    @cached_property
    def _columns(self) -> sql.Composed:
        """The mapped columns, each named as its Salesforce field."""
        return joined(
            [sql.SQL("{} AS {}").format(self._column(f), sql.Identifier(f.name)) for f in self.mapping.fields]
        )

    def _column(self, field: Field) -> sql.Composable:
        if field.name in self.parents:
            return sql.SQL("nullif({}.sfid, '')").format(self._alias(field))
        column = sql.Identifier("t", field.column)
        return sql.SQL("{}::text").format(column) if field.kind in _AS_TEXT else column

    @cached_property
    def _parent_joins(self) -> sql.Composed:
        return joined(
            [
                statement(
                    FILE,
                    "parent_join",
                    table=relation(self.parents[field.name].table),
                    alias=self._alias(field),
                    key=sql.Identifier(self.parents[field.name].key[0]),
                    column=sql.Identifier(field.column),
                )
                for field in self._references
            ],
            "\n",
        )

    @cached_property
    def _unlinked(self) -> sql.Composed:
        """A JSON object: the parents' keys, of those references whose parent has no Salesforce id."""
        pairs: list[sql.Composable] = [
            statement(
                FILE,
                "unlinked_pair",
                field_name=sql.Literal(field.name),
                alias=self._alias(field),
                parent_key=key_text(sql.Identifier("t", field.column), self.parents[field.name].key_types[0]),
            )
            for field in self._references
        ]
        return statement(FILE, "unlinked", pairs=joined(pairs)) if pairs else statement(FILE, "nothing_unlinked")

    @cached_property
    def _inside(self) -> sql.Composable:
        """Whether a row matches the mapping's filter."""
        if self.mapping.sql is None:
            return sql.SQL("true")
        return statement(FILE, "inside", condition=self._condition, alias=self._own_name)

    @property
    def _condition(self) -> sql.SQL:
        """The mapping's filter, in a statement that has parameters."""
        return sql.SQL((self.mapping.sql or "true").replace("%", "%%"))

    @property
    def _own_name(self) -> sql.Identifier:
        """What the filter calls the table."""
        return sql.Identifier(self.mapping.table.partition(".")[2])

    # --- statements

    @cached_property
    def read(self) -> sql.Composed:
        """Rows and markers of many records."""
        keys = [f"k{at}" for at in range(len(self.mapping.key))]
        return statement(
            FILE,
            "read",
            table=self._table,
            pk=self._pk,
            columns=self._columns,
            unlinked=self._unlinked,
            inside=self._inside,
            parents=self._parent_joins,
            by_link=_by_link(sql.Identifier("t"), sql.Identifier("w", SFID)),
            key_arrays=joined([sql.SQL("{}::text[]").format(sql.Placeholder(key)) for key in keys]),
            key_names=joined([sql.Identifier(key) for key in keys]),
            by_key=joined(
                [
                    sql.SQL("{} = {}::{}").format(
                        sql.Identifier("t", column), sql.Identifier("w", key), cast_type(name)
                    )
                    for column, key, name in zip(self.mapping.key, keys, self.mapping.key_types, strict=True)
                ],
                " AND ",
            ),
        )

    @cached_property
    def captured(self) -> sql.Composed:
        """Values of rows as they were captured."""
        return statement(
            "captured",
            "values",
            table=self._table,
            columns=self._columns,
            unlinked=self._unlinked,
            parents=self._parent_joins,
        )

    @cached_property
    def match(self) -> sql.Composed:
        """Rows by the mapping's match fields; the values wanted are the parameters v0, v1, ..., arrays of text."""
        fields = [self.mapping.by_name[name] for name in self.mapping.match]
        names = [f"v{at}" for at in range(len(fields))]
        return statement(
            FILE,
            "match",
            table=self._table,
            alias=self._own_name,
            condition=self._condition,
            pk=self._pk,
            columns=self._columns,
            unlinked=self._unlinked,
            parents=self._parent_joins,
            arrays=joined([sql.SQL("{}::text[]").format(sql.Placeholder(name)) for name in names]),
            names=joined([sql.Identifier(name) for name in names]),
            by_match=joined([self._holds(*pair) for pair in zip(fields, names, strict=True)], " AND "),
        )

    def _holds(self, field: Field, name: str) -> sql.Composed:
        """Whether a match field has the value wanted; a collation that ignores case takes more for equal than we do."""
        wanted = sql.Identifier("w", name)
        if field.name in self.parents:
            return _by_link(self._alias(field), wanted)
        column = sql.Identifier("t", field.column)
        equal = sql.SQL("{} = {}::{}").format(column, wanted, cast_type(field.column_type))
        if field.kind not in _AS_TEXT:
            return equal
        return sql.SQL('{} AND {}::text COLLATE "C" = {}').format(equal, column, wanted)

    @cached_property
    def lock(self) -> sql.Composed:
        """Lock a row against every other writer."""
        return statement(FILE, "lock", table=self._table, by_pk=self._by_pk)

    @cached_property
    def lock_for_delete(self) -> sql.Composed:
        """Lock a row that is going to be deleted."""
        return statement(FILE, "lock_for_delete", table=self._table, by_pk=self._by_pk)

    def lock_parent(self, field: str) -> sql.Composed:
        """Find the parent with a Salesforce id, and keep it until the end of the transaction."""
        parent = self.parents[field]
        return statement(
            FILE,
            "lock_parent",
            table=relation(parent.table),
            by_link=_by_link(sql.Identifier("t"), sql.SQL("{}::text").format(sql.Placeholder(SFID))),
            key=key_text(sql.Identifier("t", parent.key[0]), parent.key_types[0]),
        )

    @cached_property
    def children(self) -> sql.Composed | None:
        """Rows that refer to one, a hundred of each reference at most; None: no mapping does.

        Each row has the place of its reference in :attr:`references`.
        """
        parts: list[sql.Composable] = [
            self._children_by(place, reference) for place, reference in enumerate(self.references)
        ]
        return joined(parts, "\nUNION ALL\n") if parts else None

    def _children_by(self, place: int, reference: Reference) -> sql.Composed:
        child = reference.mapping
        return statement(
            FILE,
            "children",
            place=sql.Literal(place),
            pk=_pk_of(child),
            table=relation(child.table),
            column=sql.Identifier(reference.field.column),
            key=sql.SQL("{}::{}").format(sql.Placeholder("pk0"), cast_type(self.mapping.key_types[0])),
            itself=self._by_pk if child.name == self.mapping.name else sql.SQL("false"),
            order=joined([sql.Identifier("t", column) for column in child.key]),
        )

    def update(self, columns: Collection[str]) -> sql.Composed:
        """Set columns; their values are the parameters v0, v1, ..."""
        assignments: list[sql.Composable] = [
            sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(f"v{at}"))
            for at, column in enumerate(columns)
        ]
        return statement(FILE, "update", table=self._table, assignments=joined(assignments), by_pk=self._by_pk)

    def insert(self, columns: Sequence[str]) -> sql.Composed:
        """Insert a row; its values are the parameters v0, v1, ..."""
        if not columns:
            return statement(FILE, "insert_defaults", table=self._table, pk=self._pk)
        return statement(
            FILE,
            "insert",
            table=self._table,
            columns=joined([sql.Identifier(column) for column in columns]),
            values=joined([sql.Placeholder(f"v{at}") for at in range(len(columns))]),
            pk=self._pk,
        )

    @cached_property
    def delete(self) -> sql.Composed:
        """Delete a row."""
        return statement(FILE, "delete", table=self._table, by_pk=self._by_pk)

    @cached_property
    def mark(self) -> sql.Composed:
        """Write the marker with the row as it now is."""
        names: list[sql.Composable] = [
            statement(
                FILE,
                "unlinked_name",
                column=sql.Identifier(field.column),
                alias=self._alias(field),
                field_name=sql.Literal(field.name),
            )
            for field in self._references
        ]
        return statement(
            FILE,
            "mark",
            table=self._table,
            first_key=sql.Identifier(self.mapping.key[0]),
            columns=self._columns,
            unlinked_names=joined(names),
            by_pk=self._by_pk,
            parents=self._parent_joins,
        )

    @cached_property
    def mark_deleted(self) -> sql.Composed:
        """Write the marker of a row that is gone."""
        return statement(FILE, "mark_deleted", table=self._table, by_pk=self._by_pk)


def _pk_of(mapping: ObjectMapping) -> sql.Composed:
    """The primary key as an array of text."""
    texts: list[sql.Composable] = [
        key_text(sql.Identifier("t", column), type_name)
        for column, type_name in zip(mapping.key, mapping.key_types, strict=True)
    ]
    return sql.SQL("ARRAY[{}]").format(joined(texts))


def _by_link(alias: sql.Identifier, id_: sql.Composable) -> sql.Composed:
    """Whether a row is linked to a record, in whatever form its link has; the id has 18 characters."""
    return statement(FILE, "by_link", column=sql.SQL("{}.sfid").format(alias), id=id_)
