"""How the values of a profile don't fit together, whether or not each of them is valid. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

ACCOUNT = "{account}"  # placeholder in names of buckets and data sources: the consumer account's id
OU = "{ou}"  # placeholder in names of data sources: the name of the account's OU
DISPLAYED = "{account_name} ({account}) {profile}"  # a data source's name, unless the profile says another
ATHENAS_OWN = "AwsDataCatalog"  # the catalog of every account: that of Glue
NONE = "none"  # a parameter without a value: CloudFormation may not accept an empty one
OWNERSHIP_TAGS = ("managed-by", "quick-onboarding")  # how the keys of our own tags begin
MADE_ONLY = ("bytes_scanned_limit", "cost_tags", "results_key_alias")  # said of a workgroup that we make
SHARED_WITH = {"owners": ("owner_users", 32), "viewers": ("viewer_users", 31)}  # Quick takes 64 with a new data source


def of_profile(values: Mapping[Any, Any]) -> Iterator[str]:
    """What is wrong with the profile as a whole."""
    if (values.get("work_group") is None) != (values.get("results_location") is None):
        yield "give both work_group and results_location (existing ones), or neither (we make them)"
    if values.get("work_group") == NONE:
        yield f"work_group can't be `{NONE}`: consumer_role.yaml reads that word as no workgroup"
    database = str(values.get("proof_table") or "").partition(".")[0]
    if database and not any(fnmatchcase(database, str(each)) for each in _listed(values, "databases")):
        yield f"proof_table is in the database {database}, which databases does not name"
    if not values.get("data_buckets") and not values.get("lake_formation"):
        yield "name data_buckets, or set lake_formation: true; otherwise no query can read anything"


def of_values(values: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """The keys whose values other values contradict, and why."""
    databases = _listed(values, "databases")
    for table in _listed(values, "tables"):
        if str(table).split("/")[0] not in databases:
            yield "tables", f"{table!r} is in no database that `databases` has, written the same"
    if "workgroup" in _listed(values, "accounts_may_widen") and not values.get("results_location"):
        yield (
            "accounts_may_widen",
            "workgroup needs results_location: where an account's own workgroup puts its results",
        )
    yield from _of_publishing(values)
    yield from _of_grants(values)
    name = values.get("display_name", DISPLAYED)
    if isinstance(name, str) and ACCOUNT not in name and "{account_name}" not in name:
        yield "display_name", "needs {account} or {account_name}: authors could not tell the accounts apart"
    yield from _of_work_group(values)
    yield from _of_sharing(values)


def _of_publishing(values: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for database in _listed(values, "publishes"):
        if database not in _listed(values, "databases"):
            yield "publishes", f"{database!r} is not in `databases`, written the same"
    if _listed(values, "publishes") and not values.get("publishes_to"):
        yield "publishes", "needs publishes_to: the accounts that may read them"
    if values.get("publishes_to") and values.get("catalog", ATHENAS_OWN) != ATHENAS_OWN:
        yield "publishes_to", f"is for databases in {ATHENAS_OWN}: another catalog has no policy of Glue's"
    if values.get("publishes_to") and not values.get("data_buckets"):
        yield "publishes_to", "needs data_buckets: what Lake Formation governs is shared by its own grants"


def _of_grants(values: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Why Lake Formation can't grant that. The grants are in the account's own catalog."""
    if values.get("lake_formation_columns") and not values.get("lake_formation_grants"):
        yield "lake_formation_columns", "needs lake_formation_grants: true: only a grant can name columns"
    if not values.get("lake_formation_grants"):
        return
    if not values.get("lake_formation"):
        yield "lake_formation_grants", "needs lake_formation: true: without GetDataAccess a grant opens nothing"
    if values.get("catalog", ATHENAS_OWN) != ATHENAS_OWN:
        yield "lake_formation_grants", f"is for databases in {ATHENAS_OWN}: another catalog is not ours to grant"
    if "databases" in _listed(values, "accounts_may_widen"):
        yield "accounts_may_widen", "databases can't be widened: lake_formation_grants would grant unreviewed ones"
    for key in ("databases", "tables"):
        yield from ((key, fault) for name in _listed(values, key) for fault in _of_granted_name(str(name)))
    yield from (("lake_formation_columns", fault) for fault in _of_granted_columns(values))


def _of_granted_name(name: str) -> Iterator[str]:
    if "*" in name:
        yield f"{name!r} is a pattern, and Lake Formation grants by name only: name each of them"
    if NONE in name.split("/"):
        yield f"{name!r} can't be granted: consumer_role.yaml reads the word `{NONE}` as nothing"


def _of_granted_columns(values: Mapping[Any, Any]) -> Iterator[str]:
    columns = values.get("lake_formation_columns")
    for table, named in columns.items() if isinstance(columns, Mapping) else ():
        if table not in _listed(values, "tables"):
            yield f"{table!r} is not in `tables`: a grant on its whole database would show its other columns"
        if named == [NONE]:
            yield f"{table!r} can't have `{NONE}` as its only column: consumer_role.yaml reads that as all columns"


def _of_work_group(values: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for key in MADE_ONLY if values.get("work_group") else ():
        if values.get(key):
            yield key, "is for the workgroup that we make; work_group names an existing one"
    alias = values.get("results_key_alias")
    if alias and alias not in _listed(values, "kms_key_aliases"):
        yield "results_key_alias", f"{alias!r} is not in kms_key_aliases too: nobody could read the results"
    tags = values.get("cost_tags")
    for key in tags if isinstance(tags, Mapping) else ():
        if str(key).startswith(("aws:", *OWNERSHIP_TAGS)):
            yield "cost_tags", f"{key!r} is not yours to set"


def _of_sharing(values: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    if not values.get("owners") and not values.get("owner_users"):
        yield "owners", "needs at least one, or a user in owner_users"
    for groups, (users, most) in SHARED_WITH.items():
        found = len(_listed(values, groups)) + len(_listed(values, users))
        if found > most:
            yield groups, f"has {found} groups and users, at most {most} are possible"


def _listed(values: Mapping[Any, Any], key: str) -> Sequence[Any]:
    """A list of the file; empty when the value is none, which is a fault of its own."""
    found = values.get(key)
    return found if isinstance(found, list) else ()
