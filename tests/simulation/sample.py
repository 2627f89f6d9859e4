"""What the simulated world keeps the same: accounts, and where asked for their contacts."""

from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping, OnDelete, Policy, Unit

ACCOUNT, CONTACT = "Account", "Contact"
CODE = "Code"  # nobody edits it: records are matched by it
PARENT = "AccountId"
GROUP = ("City", "Zip")


def mappings(
    policy: Policy = Policy.HOLD,
    on_delete: OnDelete = OnDelete.PROPAGATE,
    *,
    match: bool = False,
    family: bool = False,
    circles: bool = False,
) -> Mappings:
    """Accounts of two plain fields and one field group; contacts of two plain fields and a reference.

    Args:
        policy: of every unit.
        on_delete: of both.
        match: whether accounts are matched by their code.
        family: whether there are contacts.
        circles: whether accounts refer to accounts.
    """
    by = (CODE,) if match else ()
    own = (Field(PARENT, "account_id", Kind.REFERENCE, "bigint", parent="account"),) if circles else ()
    texts = tuple(Field(name, name.lower(), Kind.TEXT, "text") for name in ("Name", "Phone", *GROUP, *by))
    units = tuple(Unit(name, (name,), policy) for name in ("Name", "Phone", *by))
    accounts = ObjectMapping(
        "account",
        ACCOUNT,
        "public.account",
        ("id",),
        ("bigint",),
        (*texts, *own),
        (*units, Unit("place", GROUP, policy), *(Unit(field.name, (field.name,), policy) for field in own)),
        on_delete=on_delete,
        match=by,
    )
    if not family:
        return Mappings((accounts,))
    fields = (
        Field("LastName", "last_name", Kind.TEXT, "text"),
        Field("Title", "title", Kind.TEXT, "text"),
        Field(PARENT, "account_id", Kind.REFERENCE, "bigint", parent="account"),
    )
    contacts = ObjectMapping(
        "contact",
        CONTACT,
        "public.contact",
        ("id",),
        ("uuid",),
        fields,
        tuple(Unit(field.name, (field.name,), policy) for field in fields),
        on_delete=on_delete,
    )
    return Mappings((accounts, contacts))
