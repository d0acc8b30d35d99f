"""What `sam package` and `sam deploy` do, in process: upload the code, make a change set, execute it."""

import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws.cloud import Cloud
from sandbox.aws.services.cloudformation.template import read

LEFT_OUT = {"__pycache__", ".DS_Store"}
ARTIFACTS = {
    "AWS::Serverless::Function": ("Function", "CodeUri"),
    "AWS::Serverless::LayerVersion": ("LayerVersion", "ContentUri"),
    "AWS::Serverless::StateMachine": ("StateMachine", "DefinitionUri"),
}
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class DeploymentError(Exception):
    """The stack did not come about; the message has the resource and AWS's reason."""


class Uploads:
    """One bucket for what a template refers to by local path; every path is uploaded once, under its hash.

    In place of some paths, others are uploaded.
    """

    def __init__(self, s3: Any, bucket: str, replaced: Mapping[Path, Path] | None = None) -> None:
        self.s3, self.bucket = s3, bucket
        self._replaced = dict(replaced or {})
        self._done: dict[Path, dict[str, str]] = {}

    def of(self, path: Path) -> dict[str, str]:
        """Where a file, or a folder's zip, now lies."""
        path = self._replaced.get(path, path)
        if path not in self._done:
            self._done[path] = self.put(_zipped(path) if path.is_dir() else path.read_bytes(), path.suffix)
        return self._done[path]

    def put(self, content: bytes, suffix: str = "") -> dict[str, str]:
        """Upload bytes."""
        key = hashlib.sha256(content).hexdigest() + suffix
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return {"Bucket": self.bucket, "Key": key}


def package(template_path: Path, uploads: Uploads) -> dict[str, Any]:
    """The template with every local path replaced by its place in S3.

    Layers are zipped as they lie: nothing is built, the sandbox runs the code from the repository.
    """
    template = read(template_path.read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        section, name = ARTIFACTS.get(resource["Type"], ("", ""))
        everywhere = template.get("Globals", {}).get(section, {}).get(name)
        local = resource.get("Properties", {}).get(name, everywhere)
        if isinstance(local, str) and not local.startswith("s3://"):
            resource["Properties"][name] = uploads.of((template_path.parent / local).resolve())
    for section, name in ARTIFACTS.values():
        template.get("Globals", {}).get(section, {}).pop(name, None)
    return template


def deploy(
    cloud: Cloud,
    account: str,
    region: str,
    template_path: Path,
    stack_name: str,
    parameters: Mapping[str, str],
    replaced: Mapping[Path, Path] | None = None,
) -> dict[str, str]:
    """Package and deploy a template as an administrator of the account; the stack's outputs. Raises DeploymentError."""
    with cloud.administering(account):
        cloudformation = cloud.client("cloudformation", region)
        uploads = Uploads(cloud.client("s3", region), _bucket(cloud, account, region), replaced)
        where = uploads.put(json.dumps(package(template_path, uploads), default=str).encode())
        change_set = cloudformation.create_change_set(
            StackName=stack_name,
            ChangeSetName=f"sandbox-{uuid.uuid4()}",
            ChangeSetType="UPDATE" if _exists(cloudformation, stack_name) else "CREATE",
            TemplateURL=f"https://s3.{region}.amazonaws.com/{where['Bucket']}/{where['Key']}",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=CAPABILITIES,
        )
        if _has_changes(cloudformation, change_set["Id"]):
            cloudformation.execute_change_set(ChangeSetName=change_set["Id"])
        return _outputs(cloudformation, stack_name)


def _bucket(cloud: Cloud, account: str, region: str) -> str:
    name = f"artifacts-{account}-{region}"
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3 = cloud.client("s3", region)
    if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=name, **place)
    return name


def _exists(cloudformation: Any, stack_name: str) -> bool:
    try:
        stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    except ClientError:
        return False
    return bool(stack["StackStatus"] != "REVIEW_IN_PROGRESS")


def _has_changes(cloudformation: Any, change_set: str) -> bool:
    answer = cloudformation.describe_change_set(ChangeSetName=change_set)
    if answer["Status"] == "FAILED" and "didn't contain changes" not in answer["StatusReason"]:
        raise DeploymentError(answer["StatusReason"])
    return bool(answer["Status"] != "FAILED")


def _outputs(cloudformation: Any, stack_name: str) -> dict[str, str]:
    stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    if stack["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise DeploymentError(f"{stack_name} is {stack['StackStatus']}: {stack.get('StackStatusReason')}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _zipped(folder: Path) -> bytes:
    """The folder's files, always the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and LEFT_OUT.isdisjoint(path.relative_to(folder).parts):
                entry = zipfile.ZipInfo(str(path.relative_to(folder)), date_time=(1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
