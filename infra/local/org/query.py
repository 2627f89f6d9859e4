"""Queries: candidates by index where there is one, the rest by predicate; pages by cursor."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from infra.local.org.calls import Answer, Call
from infra.local.org.errors import fail
from infra.local.org.predicates import Paths, compile_node, operand
from infra.local.org.schema import ObjectType
from infra.local.org.soql import parse
from infra.local.org.soql_nodes import Compare, Junction, Literal, Member, Node, Order, Select
from infra.local.org.store import Row, Table
from infra.local.org.transactions import Transaction

if TYPE_CHECKING:
    from infra.local.org.state import Org

_KEPT_CURSORS = 200


def candidates(table: Table, where: Node | None) -> Iterable[Row]:
    """The rows that an index leaves of a condition, or all rows."""
    parts = where.parts if isinstance(where, Junction) and where.op == "AND" else (where,)
    for part in parts:
        ids = _by_index(table, part)
        if ids is not None:
            return [row for i in dict.fromkeys(ids) if (row := table.rows.get(i)) is not None]
    return list(table.rows.values())


def _by_index(table: Table, node: Node | None) -> list[str] | None:
    if isinstance(node, Compare) and node.op == "=":
        literals: tuple[Literal, ...] = (node.literal,)
    elif isinstance(node, Member) and node.op == "in":
        literals = node.literals
    else:
        return None
    found = table.kind.find(node.path)
    if found is None or any(literal.kind != "string" or literal.value == "" for literal in literals):
        return None
    values = [operand(found, literal) for literal in literals]
    if found.name == "Id":
        return values
    if found.name in table.by_parent:
        return [i for value in values for i in table.ids_by_parent(found.name, value)]
    if found.name in table.by_key and not found.case_sensitive:
        return [i for value in values for i in table.ids_by_key(found.name, found.key_of(value))]
    return None


def run(org: "Org", call: Call, text: str, *, all_rows: bool) -> tuple[list[dict[str, Any]], int]:
    """Run a query; return its records and the total size.

    Raises:
        OrgError: the query is malformed, or names an unknown object or field.
    """
    select = parse(text)
    kind = org.schema.find(select.object_name)
    if kind is None or kind.is_event:
        raise fail("INVALID_TYPE", f"\nERROR at Row:1:Column:1\nsObject type '{select.object_name}' is not supported.")
    user = call.session.user
    view = call.tx or org.store
    paths = Paths(org.schema, kind, view, lambda o, f: not user.sees(o, f), org.clock.today())
    matches = compile_node(select.where, paths) if select.where else None
    include_deleted = all_rows or select.all_rows
    rows = [
        row
        for row in _visible(org.store.table(kind.name), select.where, call.tx)
        if (include_deleted or not row["IsDeleted"]) and (matches is None or matches(row))
    ]
    _sort(rows, select.order, paths)
    project = _projection(org, select, kind, paths, call.base) if select.fields else None
    rows = rows[select.offset :] if select.limit is None else rows[select.offset : select.offset + select.limit]
    return ([project(row) for row in rows] if project else []), len(rows)


def _visible(table: Table, where: Node | None, tx: Transaction | None) -> Iterable[Row]:
    if tx is None or not tx.rows:
        return candidates(table, where)
    rows = {i: row for i, row in table.rows.items() if i not in tx.rows}
    own = {i: row for i, row in tx.rows.items() if row is not None and i[:3] == table.kind.prefix}
    return [*rows.values(), *own.values()]


def _sort(rows: list[Row], order: tuple[Order, ...], paths: Paths) -> None:
    for term in reversed(order):
        get, _ = paths.resolve(term.path)
        empty = [row for row in rows if get(row) is None]
        filled = [row for row in rows if get(row) is not None]
        filled.sort(key=lambda row: _sortable(get(row)), reverse=term.descending)
        rows[:] = filled + empty if term.nulls_last else empty + filled


def _sortable(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _projection(org: "Org", select: Select, kind: ObjectType, paths: Paths, base: str) -> Any:
    nested: dict[str, list[str]] = {}
    plan: list[tuple[str, Any]] = []
    for path in select.fields:
        head, _, rest = path.partition(".")
        if head.lower() == kind.name.lower() and rest:
            head, _, rest = rest.partition(".")
        if rest:
            nested.setdefault(head.lower(), []).append(rest)
            paths.resolve(f"{head}.{rest}")
            if (head.lower(), None) not in [(name.lower(), None) for name, _ in plan]:
                plan.append((head, None))
        else:
            get, found = paths.resolve(head)
            if any(found.name == name for name, _ in plan):
                raise fail("MALFORMED_QUERY", f"duplicate field selected: {found.name}")
            plan.append((found.name, get))
    readers = [
        (name, get or _parent_reader(org, kind, name, nested[name.lower()], paths=paths, base=base))
        for name, get in plan
    ]

    def project(row: Row) -> dict[str, Any]:
        record: dict[str, Any] = {"attributes": attributes(kind.name, row["Id"], base)}
        for name, read in readers:
            record[name] = read(row)
        return record

    return project


def _parent_reader(org: "Org", kind: ObjectType, relation: str, fields: list[str], *, paths: Paths, base: str) -> Any:
    ref = kind.relationships[relation.lower()]
    projections: dict[str, Any] = {}

    def read(row: Row) -> dict[str, Any] | None:
        target_id = row.get(ref.name)
        target = paths.view.get(target_id) if target_id else None
        target_kind = org.schema.of_id(target_id) if target_id else None
        if target is None or target_kind is None:
            return None
        project = projections.get(target_kind.name)
        if project is None:
            known = [f for f in fields if "." in f or target_kind.find(f)]
            inner = Paths(org.schema, target_kind, paths.view, paths.hidden, paths.today)
            select = Select(tuple(known), target_kind.name, None, (), None, 0, all_rows=True)
            project = projections[target_kind.name] = _projection(org, select, target_kind, inner, base)
        found: dict[str, Any] = project(target)
        return found

    return read


def attributes(name: str, record_id: str, base: str) -> dict[str, str]:
    """The ``attributes`` of a record in an answer."""
    return {"type": name, "url": f"{base}/sobjects/{name}/{record_id}"}


def query(org: "Org", call: Call, *, all_rows: bool) -> Answer:
    """Answer ``query`` and ``queryAll``.

    Raises:
        OrgError: the query cannot be run.
    """
    text = call.query.get("q")
    if not text:
        raise fail("MALFORMED_QUERY", "A query string has to be specified")
    records, total = run(org, call, text, all_rows=all_rows)
    return Answer(200, _page(org, call, records, 0, total=total, resource="queryAll" if all_rows else "query"))


def query_more(org: "Org", call: Call, locator: str, resource: str) -> Answer:
    """Answer the next page, ``query/01g...-2000``.

    Raises:
        OrgError: INVALID_QUERY_LOCATOR, there is no such cursor.
    """
    cursor_id, _, start = locator.rpartition("-")
    cursor = org.cursors.get(cursor_id)
    if cursor is None or not start.isdigit():
        raise fail("INVALID_QUERY_LOCATOR", "invalid query locator")
    return Answer(200, _page(org, call, cursor, int(start), total=len(cursor), resource=resource, cursor_id=cursor_id))


def _page(
    org: "Org",
    call: Call,
    records: list[dict[str, Any]],
    start: int,
    *,
    total: int,
    resource: str,
    cursor_id: str | None = None,
) -> dict[str, Any]:
    size = _page_size(org, call)
    end = start + size
    page: dict[str, Any] = {"totalSize": total, "done": end >= len(records)}
    if end < len(records):
        if cursor_id is None:
            cursor_id = org.ids.next("01g")
            org.cursors[cursor_id] = records
            while len(org.cursors) > _KEPT_CURSORS:
                org.cursors.pop(next(iter(org.cursors)))
        page["nextRecordsUrl"] = f"{call.base}/{resource}/{cursor_id}-{end}"
    page["records"] = records[start:end]
    return page


def _page_size(org: "Org", call: Call) -> int:
    option = call.headers.get("sforce-query-options", "").lower().replace(" ", "")
    if option.startswith("batchsize=") and option[10:].isdigit():
        return min(max(int(option[10:]), 200), 2000, org.settings.query_page_size)
    return org.settings.query_page_size
