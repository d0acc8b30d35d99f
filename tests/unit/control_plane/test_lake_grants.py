"""What Lake Formation is to grant to a consumer role, in which place, and when a place has to be emptied first."""

import pytest

from control_plane.errors import ConsumerRoleFailed, LakeGrantRefused
from control_plane.lake_grants import PLACES, Grant, are_emptied, as_parameters, role_failure, to_empty, wanted, without

SALES, ALL_OF_SALES = Grant("sales"), Grant("sales", "*")
HR, ORDERS, STAFF = Grant("hr"), Grant("sales", "orders"), Grant("hr", "staff")


def test_a_database_is_described_and_its_tables_are_selected_from() -> None:
    assert wanted(["sales", "hr"], [], {}) == [SALES, ALL_OF_SALES, HR, Grant("hr", "*")]


def test_named_tables_are_granted_in_place_of_all_and_columns_in_place_of_a_table() -> None:
    columns = {"hr/staff": ["id", "team"]}
    found = wanted(["sales", "hr"], ["sales/orders", "hr/staff", "sales/orders"], columns)
    assert found == [SALES, ORDERS, HR, Grant("hr", "staff", "id,team")]


def test_every_place_has_its_parameters() -> None:
    given = as_parameters([SALES, Grant("hr", "staff", "id,team")])
    assert len(given) == 3 * PLACES
    assert (given["GrantDatabase1"], given["GrantTable1"], given["GrantColumns1"]) == ("sales", "none", "none")
    assert (given["GrantDatabase2"], given["GrantTable2"], given["GrantColumns2"]) == ("hr", "staff", "id,team")
    assert {value for name, value in given.items() if name[-1] not in "12" or name.endswith(("11", "12"))} == {"none"}


@pytest.mark.parametrize(
    ("before", "after", "emptied"),
    [
        ([], [SALES, ORDERS], ()),
        ([SALES, ORDERS], [SALES, ORDERS], ()),
        ([SALES, ORDERS], [], ()),
        ([SALES, ORDERS], [SALES, Grant("sales", "items")], ()),
        ([SALES, ALL_OF_SALES], [SALES, ORDERS], ()),
        ([SALES, ORDERS], [HR, STAFF, SALES, ORDERS], (1, 2, 3, 4)),
        ([SALES, ORDERS, HR], [SALES, HR], (2, 3)),
        ([SALES, ORDERS], [SALES, Grant("sales", "orders", "id")], (2,)),
        ([HR, Grant("hr", "staff", "id,pay")], [HR, Grant("hr", "staff", "id")], (2,)),
    ],
)
def test_places_are_emptied_first_where_a_revocation_would_undo_a_new_grant(
    before: list[Grant], after: list[Grant], emptied: tuple[int, ...]
) -> None:
    assert to_empty(as_parameters(before), as_parameters(after), is_current=True) == emptied


def test_a_stack_that_failed_may_have_any_grant_so_every_place_is_emptied() -> None:
    assert to_empty(as_parameters([SALES]), as_parameters([SALES, ORDERS]), is_current=False) == (1, 2)


def test_a_stack_that_is_older_than_the_places_has_no_grants() -> None:
    assert to_empty({"Profile": "default"}, as_parameters([SALES]), is_current=True) == ()


def test_only_what_emptied_places_will_have_may_be_missing() -> None:
    new = {"Profile": "default", **as_parameters([SALES, ORDERS])}
    assert are_emptied(without(new, [2]), new)
    assert not are_emptied(new, new)
    assert not are_emptied(without({**new, "Profile": "other"}, [2]), new)
    assert not are_emptied({**new, "GrantTable2": "items"}, new)


def test_a_failed_grant_is_known_by_its_resource_type() -> None:
    why = "FAILED: ResourceLogicalId:Grant1, ResourceType:AWS::LakeFormation::PrincipalPermissions, ..."
    assert isinstance(role_failure(why), LakeGrantRefused)
    assert isinstance(role_failure("FAILED: ResourceType:AWS::IAM::Role"), ConsumerRoleFailed)
