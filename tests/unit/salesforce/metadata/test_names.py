"""Names of components: what Salesforce takes, and no two alike."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import ConfigurationError
from chalicelib.salesforce.metadata.names import LONGEST, LONGEST_TRIGGER, check_objects, component_names

WORD = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,9}(_[A-Za-z0-9]{1,9}){0,3}", fullmatch=True)
OBJECT = st.one_of(
    WORD,
    WORD.map(lambda name: f"{name}__c"),
    st.tuples(WORD, WORD).map(lambda parts: f"{parts[0]}__{parts[1]}__c"),
)
DEVELOPER_NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")


def test_a_name_tells_the_object() -> None:
    """Standard, custom, of a namespace."""
    assert component_names(["Account", "Invoice__c", "acme__Quote__c"], "Twinledger_") == {
        "Account": "Twinledger_Account",
        "Invoice__c": "Twinledger_Invoice_c",
        "acme__Quote__c": "Twinledger_acme_Quote_c",
    }


def test_names_that_would_be_shared_are_told_apart() -> None:
    """Whatever the case, for Salesforce has none in names; the other names stay."""
    found = component_names(["acme__Quote__c", "ACME_Quote__c", "Account"], "T_")
    assert found == {
        "acme__Quote__c": "T_acme_Quote_c_7439f1de",
        "ACME_Quote__c": "T_ACME_Quote_c_0364761e",
        "Account": "T_Account",
    }


@pytest.mark.parametrize(("longest", "expected"), [(20, "Twinledger_Account"), (17, "Twinledg_7e1b0d56")])
def test_a_name_too_long_ends_in_a_digest(longest: int, expected: str) -> None:
    """It has as many characters as there may be."""
    assert component_names(["Account"], "Twinledger_", longest) == {"Account": expected}


@given(st.lists(OBJECT, unique_by=str.lower, max_size=6), st.sampled_from([LONGEST, LONGEST_TRIGGER]))
def test_every_name_is_a_developer_name_of_its_own(objects: list[str], longest: int) -> None:
    """Whatever the objects are called."""
    found = component_names(objects, "Twinledger_", longest)
    assert list(found) == objects
    assert len({name.lower() for name in found.values()}) == len(objects)
    assert all(DEVELOPER_NAME.fullmatch(name) and len(name) <= longest for name in found.values())


def test_what_has_no_fields_of_its_own_is_refused() -> None:
    """All of it at once, each with a remedy."""
    check_objects(["Account", "Invoice__c", "acme__Quote__c"])
    with pytest.raises(ConfigurationError) as refused:
        check_objects(["Task", "Account", "Event", "Change__e", "Rate__mdt"])
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        "Task",
        "Event",
        "Change__e",
        "Rate__mdt",
    ]
