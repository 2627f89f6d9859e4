"""What a mapping knows of its own fields, and of the others."""

from chalicelib.core.mapping import Field, Kind, Mappings, Unit
from tests.unit.core.scene import ADDRESS, account, contact


def test_a_unit_takes_its_values_in_the_order_of_its_fields() -> None:
    """Whatever order a snapshot has, and whatever else it holds."""
    unit = Unit("place", ADDRESS)

    assert unit.values({"Zip": None, "Name": "Acme", "City": "Bern"}) == ("Bern", None)


def test_a_unit_with_a_missing_field_has_no_values() -> None:
    """Missing is not null: half an address says nothing of the address."""
    assert Unit("place", ADDRESS).values({"City": "Bern"}) is None


def test_a_snapshot_is_complete_with_every_mapped_field() -> None:
    """A null counts, an absent field does not, and what is not mapped is not asked for."""
    mapping = contact()

    assert [
        mapping.complete({"LastName": "Lee", "AccountId": None, "Email": "x"}),
        mapping.complete({"LastName": "Lee"}),
    ] == [True, False]


def test_mappings_are_found_by_every_name_that_they_have() -> None:
    """By their own, by the Salesforce object, by the table."""
    parent, child = account(), contact()
    mappings = Mappings((parent, child))

    assert mappings.by_name == {"account": parent, "contact": child}
    assert mappings.by_object == {"Account": parent, "Contact": child}
    assert mappings.by_table == {"public.account": parent, "public.contact": child}


def test_parents_are_what_references_point_to() -> None:
    """A mapping that nobody refers to never has a waiting child."""
    assert Mappings((account(), contact())).parents == frozenset({"account"})
    assert Mappings((account(),)).parents == frozenset()


def test_fields_and_units_by_name() -> None:
    """A field under its Salesforce name, a unit under its own."""
    mapping = contact()

    assert mapping.by_name["LastName"] == Field("LastName", "last_name", Kind.TEXT, "text")
    assert set(mapping.by_unit) == {"LastName", "AccountId"}
    assert mapping.names == ("LastName", "AccountId")
