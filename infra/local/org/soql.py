"""The part of SOQL that a sync, a console or a developer uses, parsed into plain nodes.

Source: SOQL and SOSL Reference, "SOQL SELECT Syntax". Child sub-queries, semi-joins and GROUP BY are not served and
answer MALFORMED_QUERY.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from infra.local.org.clock import parse_datetime
from infra.local.org.errors import OrgError, fail
from infra.local.org.soql_nodes import Compare, Junction, Literal, Member, Node, Not, Order, Select

_TOKEN = re.compile(
    r"\s+|(?P<string>'(?:\\.|[^'\\])*')|(?P<datetime>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d)|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)*(?::\d+)?)|(?P<op><=|>=|!=|<>|=|<|>|\(|\)|,)"
)
_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "%": "\\%",
    "_": "\\_",
}
_DATE_WORDS = re.compile(
    r"(?:TODAY|YESTERDAY|TOMORROW|THIS_WEEK|LAST_WEEK|THIS_MONTH|LAST_MONTH|THIS_YEAR|LAST_YEAR"
    r"|(?:LAST|NEXT)_N_DAYS:\d+)",
    re.IGNORECASE,
)


def malformed(text: str, position: int, reason: str) -> OrgError:
    """The error of a query that cannot be read, with the place as Salesforce shows it."""
    line = text[:position].count("\n") + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    start, end = max(0, position - 20), position + 20
    marker = " " * min(position, 20) + "^"
    return fail("MALFORMED_QUERY", f"\n{text[start:end]}\n{marker}\nERROR at Row:{line}:Column:{column}\n{reason}")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._scan())
        self.at = 0

    def _scan(self) -> "list[_Token]":
        tokens, position = [], 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                raise malformed(self.text, position, f"line 1:{position} no viable alternative at character")
            if match.lastgroup:
                tokens.append(_Token(match.lastgroup, match.group(), position))
            position = match.end()
        return tokens

    def peek(self, ahead: int = 0) -> _Token:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else _Token("end", "<EOF>", len(self.text))

    def word(self, *words: str) -> bool:
        """Take these words if they come next."""
        for ahead, word in enumerate(words):
            token = self.peek(ahead)
            if token.kind not in {"name", "op"} or token.text.upper() != word:
                return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        if not self.word(*words):
            raise self.unexpected()

    def unexpected(self) -> OrgError:
        token = self.peek()
        return malformed(self.text, token.position, f"unexpected token: '{token.text}'")

    def name(self) -> str:
        token = self.peek()
        if token.kind != "name":
            raise self.unexpected()
        self.at += 1
        return token.text

    def integer(self) -> int:
        token = self.peek()
        if token.kind != "number" or not token.text.isdigit():
            raise self.unexpected()
        self.at += 1
        return int(token.text)

    def select(self) -> Select:
        self.expect("SELECT")
        fields = self._fields()
        self.expect("FROM")
        object_name = self.name()
        where = self.condition() if self.word("WHERE") else None
        order = self._order() if self.word("ORDER", "BY") else ()
        limit = self.integer() if self.word("LIMIT") else None
        offset = self.integer() if self.word("OFFSET") else 0
        if self.word("FOR"):
            self.name()
        all_rows = self.word("ALL", "ROWS")
        if self.peek().kind != "end":
            raise self.unexpected()
        return Select(fields, object_name, where, order, limit, offset, all_rows)

    def _fields(self) -> tuple[str, ...]:
        if self.word("COUNT", "(", ")"):
            return ()
        names = [self.name()]
        while self.word(","):
            names.append(self.name())
        return tuple(names)

    def _order(self) -> tuple[Order, ...]:
        terms = []
        while True:
            path = self.name()
            descending = not self.word("ASC") and self.word("DESC")
            nulls_last = self.word("NULLS", "LAST")
            if not nulls_last:
                self.word("NULLS", "FIRST")
            terms.append(Order(path, descending, nulls_last))
            if not self.word(","):
                return tuple(terms)

    def condition(self) -> Node:
        """Parts joined by AND or by OR; a mix needs parentheses, as in Salesforce."""
        first = self._part()
        for op in ("AND", "OR"):
            if self.peek().text.upper() == op:
                parts = [first]
                while self.word(op):
                    parts.append(self._part())
                if self.peek().text.upper() in {"AND", "OR"}:
                    raise self.unexpected()
                return Junction(op, tuple(parts))
        return first

    def _part(self) -> Node:
        if self.word("NOT"):
            return Not(self._part())
        if self.word("("):
            inner = self.condition()
            self.expect(")")
            return inner
        path = self.name()
        if self.word("LIKE"):
            return Compare(path, "like", self._literal())
        for words, op in (
            (("NOT", "IN"), "not in"),
            (("IN",), "in"),
            (("INCLUDES",), "includes"),
            (("EXCLUDES",), "excludes"),
        ):
            if self.word(*words):
                return Member(path, op, self._list())
        token = self.peek()
        if token.kind != "op" or token.text in {"(", ")", ","}:
            raise self.unexpected()
        self.at += 1
        return Compare(path, "!=" if token.text == "<>" else token.text, self._literal())

    def _list(self) -> tuple[Literal, ...]:
        self.expect("(")
        values = [self._literal()]
        while self.word(","):
            values.append(self._literal())
        self.expect(")")
        return tuple(values)

    def _literal(self) -> Literal:
        token = self.peek()
        found = _read_literal(token)
        if found is None:
            raise self.unexpected()
        self.at += 1
        return found


def _read_literal(token: _Token) -> Literal | None:
    read = _LITERALS.get(token.kind)
    return read(token.text) if read else None


def _moment(text: str) -> Literal:
    moment = parse_datetime(text)
    return Literal("datetime", f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000")


def _word(text: str) -> Literal | None:
    upper = text.upper()
    if upper == "NULL":
        return Literal("null", None)
    if upper in {"TRUE", "FALSE"}:
        return Literal("boolean", upper == "TRUE")
    return Literal("dateword", upper) if _DATE_WORDS.fullmatch(text) else None


_LITERALS: dict[str, Callable[[str], Literal | None]] = {
    "string": lambda text: Literal("string", re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1])),
    "number": lambda text: Literal("number", float(text)),
    "date": lambda text: Literal("date", text),
    "datetime": _moment,
    "name": _word,
}


def parse(text: str) -> Select:
    """Parse a query.

    Raises:
        OrgError: MALFORMED_QUERY.
    """
    return _Parser(text).select()


def parse_condition(text: str) -> Node:
    """Parse a WHERE expression alone, as validation rules of the simulated org use it.

    Raises:
        OrgError: MALFORMED_QUERY.
    """
    parser = _Parser(text)
    node = parser.condition()
    if parser.peek().kind != "end":
        raise parser.unexpected()
    return node
