"""Every problem of a mapping file, with its place and remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import MappingError
from chalicelib.core.mapping_file import parse

_HEAD = """
[account]
object = "Account"
table = "public.account"
key = "id"
"""
_ACCOUNT = f"""{_HEAD}
[account.fields]
Name = "name"
"""


def problems(text: str) -> list[str]:
    """The problems of a file, without the file's name."""
    with pytest.raises(MappingError) as caught:
        parse(text, "m.toml")
    assert all(line.startswith("m.toml: ") for line in caught.value.problems)
    return [line.removeprefix("m.toml: ") for line in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'the file: it declares no mapping; add [account] with object = "Account" and the rest'),
        ("x = 1\n" + _ACCOUNT, 'the file: "x" stands outside of any mapping; move it below a mapping\'s header'),
        (
            "[account]\nobject = \n",
            "TOML syntax: Invalid value (at line 2, column 10); mend that line",
        ),
        ("[account]\n\nkey = [", "TOML syntax: Invalid value (at line 3, the end of the file); mend that line"),
        (
            _ACCOUNT.replace("account", "Account"),
            "[Account]: the mapping's name is not plain; use lower-case letters, digits and underscores",
        ),
        (_ACCOUNT.replace("object", "objekt"), '[account]: unknown key "objekt"; did you mean "object"?'),
        (
            _ACCOUNT.replace('object = "Account"', ""),
            '[account]: "object" is missing; add object = "Account", the API name',
        ),
        (
            _ACCOUNT.replace('table = "public.account"', ""),
            '[account]: "table" is missing; add table = "public.account", with the schema',
        ),
        (
            _ACCOUNT.replace('key = "id"', ""),
            '[account]: "key" names no column; add key = "id", the primary key column, or a list of columns',
        ),
        (
            _ACCOUNT.replace('"id"', "[1]"),
            '[account] "key": not a text or a list of texts; write "Name" or ["Name", "Other"]',
        ),
        (
            _ACCOUNT.replace('"id"', "7"),
            '[account] "key": not a text or a list of texts; write "Name" or ["Name", "Other"]',
        ),
        (
            _ACCOUNT.replace('"id"', '["id", "id"]'),
            '[account] "key": a name stands twice in the list; remove one of the two',
        ),
        (_ACCOUNT.replace('"Account"', "1"), '[account]: "object" is not a text, or empty; write object = "..."'),
        (_ACCOUNT.replace('"Account"', '" "'), '[account]: "object" is not a text, or empty; write object = "..."'),
        (
            _ACCOUNT.replace('"Account"', '"My Account"'),
            '[account]: "object" cannot be "My Account"; write the API name, such as Account or Invoice__c',
        ),
        (
            _ACCOUNT.replace("public.account", "account"),
            '[account]: "table" cannot be "account"; write schema and table, such as "public.account"',
        ),
        (
            f'{_HEAD}direction = "to_postgre"\n[account.fields]\nName = "name"',
            '[account]: "direction" cannot be "to_postgre"; did you mean "to_postgres"?',
        ),
        (
            f'{_HEAD}conflict = "zzz"\n[account.fields]\nName = "name"',
            '[account]: "conflict" cannot be "zzz"; there is hold, newest_wins, postgres_wins, salesforce_wins',
        ),
        (
            f'{_HEAD}delete = "keeps"\n[account.fields]\nName = "name"',
            '[account]: "delete" cannot be "keeps"; did you mean "keep"?',
        ),
        (
            f'{_HEAD}where = "x"\n[account.fields]\nName = "name"',
            '[account]: "where" is not a table; write its keys in braces or under a header',
        ),
        (
            f'{_HEAD}where = {{ soqll = "x" }}\n[account.fields]\nName = "name"',
            '[account] where: unknown key "soqll"; did you mean "soql"?',
        ),
        (
            f'{_HEAD}match = ["Nmae"]\n[account.fields]\nName = "name"',
            '[account] "match": "Nmae" is not mapped; '
            'map it in [account.fields], or correct the name (did you mean "Name"?)',
        ),
        (
            f'{_HEAD}lock_group = "ParentId"\n[account.fields]\nName = "name"',
            '[account] "lock_group": "ParentId" is not mapped; '
            "map it in [account.fields], or correct the name (there is Name)",
        ),
        (_HEAD, '[account.fields]: the mapping has no fields; add lines such as LastName = "last_name"'),
        (
            f"{_HEAD}[account.fields]\nName = 1",
            '[account.fields] "Name": neither a column\'s name nor a table; write "column" or { column = "..." }',
        ),
        (
            f'{_HEAD}[account.fields]\nName = {{ conflict = "hold" }}',
            '[account.fields] "Name": "column" is missing; add column = "...", the column\'s name',
        ),
        (
            f'{_HEAD}[account.fields]\nName = {{ column = "name", conflct = "hold" }}',
            '[account.fields] "Name": unknown key "conflct"; did you mean "conflict"?',
        ),
        (
            f'{_HEAD}[account.fields]\n"Owner.Name" = "name"',
            '[account.fields] "Owner.Name": not a field of the object itself; '
            "map fields by their own API name, without a dot",
        ),
        (
            f'{_HEAD}[account.fields]\nID = "x"',
            '[account.fields] "ID": the id links the record to its row by itself, in the column "sfid"; '
            "remove the line",
        ),
        (
            f'{_HEAD}[account.fields]\nTwinledger_Key__c = "x"',
            '[account.fields] "Twinledger_Key__c": the sync keeps its own record key there; remove the line',
        ),
        (
            f'{_HEAD}[account.fields]\nTwinledger_Op__c = "x"',
            '[account.fields] "Twinledger_Op__c": the sync keeps its own marker there; remove the line',
        ),
        (
            f'{_HEAD}[account.fields]\nName = "sfid"',
            '[account.fields] "Name": the sync keeps the Salesforce id in "sfid"; map another column',
        ),
        (
            f'{_HEAD}[account.fields]\nName = "id"',
            '[account.fields] "Name": "id" is a key column, and keys are never written; '
            'add direction = "to_salesforce"',
        ),
        (
            f'{_HEAD}direction = "to_postgres"\n[account.fields]\nName = {{ column = "name", direction = "both" }}',
            '[account.fields] "Name": its direction "both" goes beyond "to_postgres", that of the mapping; '
            "change one of the two",
        ),
        (
            f'{_HEAD}[account.fields]\nName = "a"\nNAME = "b"',
            '[account.fields] "NAME": it is the same field as "Name"; remove one of the two',
        ),
        (
            f'{_HEAD}[account.fields]\nName = "a"\nSite = "a"',
            '[account.fields] "Site": "Name" has the column "a" already; give each field its own column',
        ),
        (
            f'{_HEAD}[account.fields]\nParentId = {{ column = "parent", references = "acount" }}',
            '[account.fields] "ParentId": it references "acount", which is no mapping of this file; '
            'did you mean "account"?',
        ),
        (
            f'{_HEAD}[account.fields]\nA = "a"\nB = "b"\n[account.groups]\nAB = ["A", "B"]',
            '[account.groups] "AB": the group\'s name is not plain; use lower-case letters, digits and underscores',
        ),
        (
            f'{_HEAD}[account.fields]\na = "a"\nB = "b"\n[account.groups]\na = ["a", "B"]',
            '[account.groups] "a": a field has the same name; rename the group',
        ),
        (
            f'{_HEAD}[account.fields]\nA = "a"\n[account.groups]\nab = "A"',
            '[account.groups] "ab": a group needs at least two fields; add fields or remove the group',
        ),
        (
            f'{_HEAD}[account.fields]\nName = "a"\nB = "b"\n[account.groups]\nab = ["Nam", "B"]',
            '[account.groups] "ab": "Nam" is not mapped; '
            'map it in [account.fields], or correct the name (did you mean "Name"?)',
        ),
        (
            f'{_HEAD}[account.fields]\nA = "a"\nB = "b"\nC = "c"\n[account.groups]\nab = ["A", "B"]\nbc = ["B", "C"]',
            '[account.groups] "bc": "B" is in the group "ab" already; leave it in one of the two',
        ),
        (
            f'{_HEAD}[account.fields]\nA = {{ column = "a", conflict = "hold" }}\nB = "b"\n'
            '[account.groups]\nab = { fields = ["A", "B"], conflict = "newest_wins" }',
            '[account.groups] "ab": its fields have different policies: hold, newest_wins; '
            "set conflict once, in the group",
        ),
        (
            f'{_HEAD}[account.fields]\nA = {{ column = "a", direction = "to_postgres" }}\nB = "b"\n'
            '[account.groups]\nab = ["A", "B"]',
            '[account.groups] "ab": its fields have different directions: both, to_postgres; '
            "give all of them the same direction",
        ),
        (
            f'{_HEAD}[account.fields]\nA = "a"\nB = "b"\n'
            '[account.groups]\nab = { fields = ["A", "B"], conflit = "hold" }',
            '[account.groups] "ab": unknown key "conflit"; did you mean "conflict"?',
        ),
        (
            _ACCOUNT + _ACCOUNT.replace("[account", "[other").replace("public.account", "public.other"),
            "[other]: [account] maps the same object; keep one mapping for each object",
        ),
        (
            _ACCOUNT + _ACCOUNT.replace("[account", "[other").replace('"Account"', '"Other"'),
            "[other]: [account] maps the same table; keep one mapping for each table",
        ),
    ],
)
def test_problem_names_its_place_and_a_remedy(text: str, expected: str) -> None:
    """Each mistake is one line with file, table, field, what is wrong and what to do."""
    assert [expected] == [line for line in problems(text) if line == expected]


def test_all_problems_come_at_once() -> None:
    """A person mends the whole file in one go."""
    text = """
        [account]
        objekt = "Account"
        table = "public.account"
        key = "id"
        [account.fields]
        Name = { colum = "name" }
        [contact]
        object = "Contact"
        table = "contact"
        key = "id"
        [contact.fields]
        LastName = "last_name"
    """
    expected = [
        '[account]: unknown key "objekt"; did you mean "object"?',
        '[account.fields] "Name": unknown key "colum"; did you mean "column"?',
        '[contact]: "table" cannot be "contact"; write schema and table, such as "public.account"',
    ]
    assert expected == problems(text)


@pytest.mark.parametrize(
    ("written", "meant", "problem"),
    [
        ("[account.feilds]", "[account.fields]", '[account]: unknown key "feilds"; did you mean "fields"?'),
        ("[account.groop]", "[account.groups]", '[account]: unknown key "groop"; did you mean "groups"?'),
        (
            "[acount.fields]",
            "[account.fields]",
            '[acount.fields]: there is no mapping "acount"; did you mean "[account.fields]"?',
        ),
        ("tabel =", "table =", '[account]: unknown key "tabel"; did you mean "table"?'),
        ("[account.columns]", "[account.fields]", None),
    ],
)
def test_one_slip_is_one_problem(written: str, meant: str, problem: str | None) -> None:
    """What is mistyped is read as what it means, so that nothing else is wrong for it."""
    text = f"""{_HEAD}
        match = "Name"
        lock_group = "ParentId"
        [account.fields]
        Name = "name"
        ParentId = "parent"
        [account.groups]
        both = ["Name", "ParentId"]
    """
    assert len(parse(text)) == 1
    found = problems(text.replace(meant, written))
    if problem is not None:
        assert found == [problem]
    else:  # nobody can tell what is meant, but only that is told
        assert [line.split(";")[0] for line in found] == [
            '[account]: unknown key "columns"',
            "[account.fields]: the mapping has no fields",
        ]


def test_a_section_that_stands_alone_is_a_mapping_without_a_header() -> None:
    """Where no mapping has a name like it."""
    found = problems(f'{_ACCOUNT}[zzz.fields]\nName = "name"')
    assert '[zzz]: "object" is missing; add object = "Account", the API name' in found


def test_a_mistyped_key_does_not_push_the_right_one_aside() -> None:
    """It is only told of."""
    found = problems(f'{_HEAD}objekt = "Contact"\n[account.fields]\nName = "name"')
    assert found == ['[account]: unknown key "objekt"; did you mean "object"?']


def test_two_mappings_without_object_or_table_are_not_called_twins() -> None:
    """What is missing twice is missing, and not the same."""
    text = '[a]\nkey = "id"\n[a.fields]\nA = "a"\n[b]\nkey = "id"\n[b.fields]\nA = "a"\n'
    assert not [line for line in problems(text) if "the same" in line]


_TOML_VALUE = st.recursive(
    st.sampled_from(['"Account"', '"public.account"', '"id"', "1", "true", '""', "[]", '["A"]', "[1]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda items: "[" + ", ".join(items) + "]")
        | st.dictionaries(st.sampled_from(["column", "fields", "soql"]), inner, max_size=2).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        )
    ),
    max_leaves=4,
)
_TOML_KEYS = st.sampled_from(
    ["object", "table", "key", "direction", "conflict", "delete", "lock_group", "match", "where", "fields", "groups"]
)


@given(st.dictionaries(_TOML_KEYS, _TOML_VALUE))
def test_any_toml_is_read_or_refused_with_problems(content: dict[str, str]) -> None:
    """Whatever stands in the file, the answer is mappings or lines of problems."""
    text = "[account]\n" + "\n".join(f"{key} = {value}" for key, value in content.items())
    try:
        read = len(parse(text))
    except MappingError as error:
        read = -len(error.problems)
    assert read == 1 or read < 0
