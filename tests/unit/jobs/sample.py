"""One mapped object for the jobs' tests."""

from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping, Unit

NAME = Field("Name", "name", Kind.TEXT, "text")
PHONE = Field("Phone", "phone", Kind.TEXT, "text")
ACCOUNT = ObjectMapping(
    "account",
    "Account",
    "public.account",
    ("id",),
    ("bigint",),
    (NAME, PHONE),
    (Unit("Name", ("Name",)), Unit("Phone", ("Phone",))),
)
MAPPINGS = Mappings((ACCOUNT,))
ORG = "00D000000000001EAA"
ID = "001000000000001AAA"
