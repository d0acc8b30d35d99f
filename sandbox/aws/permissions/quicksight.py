"""What Quick's operations need.

Resources are those of the Service Authorization Reference (cfn-lint ships its data). CreateDataSource has no resource
type; its tags need quicksight:TagResource on the data source, as the CloudFormation resource type
AWS::QuickSight::DataSource lists for its create handler (that other assets' tags do, too, is an assumption). A role is
passed when it is named (Quick User Guide, datasource-run-as-role and security-create-iam-role); ConsumerAccountRoleArn
is not passed. That a data set passes its data sources (PassDataSource), and an analysis or a dashboard its data sets
(PassDataSet), is inferred from those actions' names.
"""

from collections.abc import Callable, Iterable

from sandbox.aws.gateway import Call
from sandbox.aws.permissions.need import Need, Needs, Table, anything, request_tags, rows

QUICK = "quicksight.amazonaws.com"
MEMBERS = {"ANALYSIS": "analysis", "DASHBOARD": "dashboard", "DATASET": "dataset"}  # a data source is no such resource


def _arn(resource: str) -> Callable[[Call], str]:
    """The ARN of that resource, its {members} filled from the request."""
    return lambda call: f"arn:aws:quicksight:{call.region}:{call.account}:{resource.format(**call.parameters)}"


ANALYSIS = _arn("analysis/{AnalysisId}")
DASHBOARD = _arn("dashboard/{DashboardId}")
DATA_SET = _arn("dataset/{DataSetId}")
DATA_SOURCE = _arn("datasource/{DataSourceId}")
FOLDER = _arn("folder/{FolderId}")
GROUP = _arn("group/{Namespace}/{GroupName}")
INGESTION = _arn("dataset/{DataSetId}/ingestion/{IngestionId}")
USER = _arn("user/{Namespace}/{UserName}")


def _tags(call: Call, resource: Callable[[Call], str]) -> Iterable[Need]:
    if call.parameters.get("Tags"):
        yield Need("quicksight:TagResource", resource(call), request_tags(call))


def _passed_role(call: Call) -> Iterable[Need]:
    role_arn = call.parameters.get("DataSourceParameters", {}).get("AthenaParameters", {}).get("RoleArn")
    if role_arn:
        context = {"iam:PassedToService": QUICK, "iam:AssociatedResourceArn": DATA_SOURCE(call)}
        yield Need("iam:PassRole", role_arn, context)


def _create_data_source(call: Call) -> Iterable[Need]:
    yield Need("quicksight:CreateDataSource", "*", request_tags(call))
    yield from _tags(call, DATA_SOURCE)
    yield from _passed_role(call)


def _update_data_source(call: Call) -> Iterable[Need]:
    yield Need("quicksight:UpdateDataSource", DATA_SOURCE(call))
    yield from _passed_role(call)


def _sources(call: Call) -> list[str]:
    tables = call.parameters["PhysicalTableMap"].values()
    return sorted({named["DataSourceArn"] for table in tables for named in table.values() if "DataSourceArn" in named})


def _create_data_set(call: Call) -> Iterable[Need]:
    for action in ("CreateDataSet", "PassDataSource"):
        for source in _sources(call):
            yield Need(f"quicksight:{action}", source, request_tags(call))
    yield from _tags(call, DATA_SET)


def _update_data_set(call: Call) -> Iterable[Need]:
    yield Need("quicksight:UpdateDataSet", DATA_SET(call))
    for action in ("UpdateDataSet", "PassDataSource"):
        for source in _sources(call):
            yield Need(f"quicksight:{action}", source)


def _create_board(action: str, resource: Callable[[Call], str]) -> Needs:
    def needs(call: Call) -> Iterable[Need]:
        yield Need(action, resource(call), request_tags(call))
        declared = call.parameters.get("Definition", {}).get("DataSetIdentifierDeclarations", ())
        template = call.parameters.get("SourceEntity", {}).get("SourceTemplate", {})
        for arn in sorted({each["DataSetArn"] for each in (*declared, *template.get("DataSetReferences", ()))}):
            yield Need("quicksight:PassDataSet", arn)
        yield from _tags(call, resource)

    return needs


def _create_folder(call: Call) -> Iterable[Need]:
    yield Need("quicksight:CreateFolder", FOLDER(call), request_tags(call))
    yield from _tags(call, FOLDER)


def _membership(action: str) -> Needs:
    def needs(call: Call) -> Iterable[Need]:
        yield Need(action, FOLDER(call))
        kind = MEMBERS.get(call.parameters["MemberType"])
        if kind:
            yield Need(action, _arn(f"{kind}/{{MemberId}}")(call))

    return needs


def _tagged(call: Call) -> str:
    return str(call.parameters["ResourceArn"])


NEEDS: Table = {
    **rows(
        "quicksight",
        "quicksight",
        {
            "CancelIngestion": INGESTION,
            "CreateGroup": GROUP,
            "CreateIngestion": INGESTION,
            "DeleteAnalysis": ANALYSIS,
            "DeleteDashboard": DASHBOARD,
            "DeleteDataSet": DATA_SET,
            "DeleteDataSource": DATA_SOURCE,
            "DeleteFolder": FOLDER,
            "DeleteGroup": GROUP,
            "DescribeAccountSettings": anything,
            "DescribeAccountSubscription": _arn("account/{AwsAccountId}"),
            "DescribeAnalysis": ANALYSIS,
            "DescribeAnalysisPermissions": ANALYSIS,
            "DescribeDashboard": DASHBOARD,
            "DescribeDashboardPermissions": DASHBOARD,
            "DescribeDataSet": DATA_SET,
            "DescribeDataSetPermissions": DATA_SET,
            "DescribeDataSource": DATA_SOURCE,
            "DescribeDataSourcePermissions": DATA_SOURCE,
            "DescribeFolder": FOLDER,
            "DescribeGroup": GROUP,
            "DescribeIngestion": INGESTION,
            "DescribeUser": USER,
            "ListAnalyses": _arn("analysis/*"),
            "ListDashboards": _arn("dashboard/*"),
            "ListDataSets": anything,
            "ListDataSources": anything,
            "ListFolderMembers": FOLDER,
            "ListFolders": _arn("folder/*"),
            "ListFoldersForResource": _tagged,
            "ListGroups": _arn("group/{Namespace}/*"),
            "ListIngestions": anything,
            "ListTagsForResource": _tagged,
            "SearchDataSets": _arn("dataset/*"),
            "SearchDataSources": _arn("datasource/*"),
            "TagResource": _tagged,
            "UntagResource": _tagged,
            "UpdateDataSetPermissions": DATA_SET,
            "UpdateDataSourcePermissions": DATA_SOURCE,
        },
    ),
    ("quicksight", "CreateAnalysis"): _create_board("quicksight:CreateAnalysis", ANALYSIS),
    ("quicksight", "CreateDashboard"): _create_board("quicksight:CreateDashboard", DASHBOARD),
    ("quicksight", "CreateDataSet"): _create_data_set,
    ("quicksight", "CreateDataSource"): _create_data_source,
    ("quicksight", "CreateFolder"): _create_folder,
    ("quicksight", "CreateFolderMembership"): _membership("quicksight:CreateFolderMembership"),
    ("quicksight", "DeleteFolderMembership"): _membership("quicksight:DeleteFolderMembership"),
    ("quicksight", "UpdateDataSet"): _update_data_set,
    ("quicksight", "UpdateDataSource"): _update_data_source,
}
