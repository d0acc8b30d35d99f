"""What CloudFormation does with a template before it makes anything: read, expand, check."""

import json
import pickle
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any, cast

import boto3
import yaml

from sandbox.aws.gateway import AwsError
from sandbox.aws.yaml_loader import SafeLoader

Template = dict[str, Any]
SAM = "AWS::Serverless-2016-10-31"
IAM_TYPES = {
    "Role",
    "ManagedPolicy",
    "Policy",
    "RolePolicy",
    "User",
    "Group",
    "InstanceProfile",
    "AccessKey",
    "UserToGroupAddition",
}
IAM_NAMES = {"RoleName", "ManagedPolicyName", "UserName", "GroupName", "InstanceProfileName"}


def read(body: str) -> Template:
    """A template's text, JSON or YAML with short intrinsics. Raises ValidationError."""
    template = pickle.loads(_parsed(body))  # noqa: S301 - written here; it copies three times as fast as deepcopy
    if not isinstance(template, dict):
        raise AwsError("ValidationError", "Template format error: unsupported structure.")
    if not template.get("Resources"):
        raise AwsError("ValidationError", "Template format error: At least one Resources member must be defined.")
    return template


@lru_cache(maxsize=128)
def _parsed(body: str) -> bytes:
    """What a text says, as a pickle of which each reader makes a copy of its own."""
    from samtranslator.yaml_helper import intrinsics_multi_constructor  # noqa: PLC0415 - half a second, and only stacks need it

    SafeLoader.add_multi_constructor("!", intrinsics_multi_constructor)  # as samtranslator's yaml_parse does
    try:
        return pickle.dumps(json.loads(body) if body.lstrip().startswith("{") else yaml.load(body, SafeLoader))  # noqa: S506
    except json.JSONDecodeError as error:
        raise AwsError("ValidationError", f"Template format error: JSON not well-formed. ({error})") from error
    except yaml.YAMLError as error:
        raise AwsError("ValidationError", f"Template format error: YAML not well-formed. ({error})") from error


def transforms(template: Mapping[str, Any]) -> list[str]:
    """Every macro the template asks for, at its top or by Fn::Transform anywhere."""
    top = template.get("Transform", [])
    names = [top] if isinstance(top, str) else list(top)
    return [*map(str, names), *(["Fn::Transform"] if "Fn::Transform" in json.dumps(template, default=str) else [])]


def expand(template: Template, parameters: Mapping[str, Any], region: str) -> Template:
    """Run the SAM transform as CloudFormation does, on its side, with the values given for the parameters.

    moto ignores `Transform` (User Guide, "template macros": AWS runs it when the change set is created).
    """
    asked = transforms(template)
    if not asked:
        return template
    if asked != [SAM]:
        raise AwsError("ValidationError", f"No transform named {next(n for n in asked if n != SAM)} found.")
    return _expand_sam(template, parameters, region)


def _expand_sam(template: Template, parameters: Mapping[str, Any], region: str) -> Template:
    from samtranslator.model.exceptions import InvalidDocumentException  # noqa: PLC0415 - see _parsed
    from samtranslator.parser.parser import Parser  # noqa: PLC0415
    from samtranslator.translator.translator import Translator  # noqa: PLC0415
    from samtranslator.utils.py27hash_fix import to_py27_compatible_template  # noqa: PLC0415

    values = {name: slot.get("Default") for name, slot in template.get("Parameters", {}).items()} | dict(parameters)
    # What samtranslator.transform does, but for the stack's Region instead of the process's.
    to_py27_compatible_template(template, values)
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        expanded = translator.translate(
            template, values, passthrough_metadata=True, get_managed_policy_map=_managed_policies
        )
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise AwsError("ValidationError", f"Transform {SAM} failed with: {error.message} {causes}") from error
    translator.metrics.publish()  # to nowhere; unpublished ones are complained about
    plain = cast("Template", json.loads(json.dumps(expanded, default=str)))
    plain.pop("Transform", None)
    return plain


@cache
def _managed_policies() -> dict[str, str]:
    """AWS's managed policies by name, as samtranslator ships them: no call to IAM."""
    data = resources.files("samtranslator") / "internal/data/aws_managed_policies.json"
    return cast("dict[str, str]", json.loads(data.read_text())["aws"])


def check_types(template: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse resource types nobody here can make; moto would leave them out with a warning."""
    unknown = sorted({resource["Type"] for resource in template["Resources"].values()} - set(known))
    if unknown:
        raise AwsError("ValidationError", f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")


def check_parameters(template: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Names, missing values and constraints of parameters, which moto takes as they come (AWS: ValidationError)."""
    slots = template.get("Parameters", {})
    if unknown := sorted(set(given) - set(slots)):
        raise AwsError("ValidationError", f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    if missing := sorted(name for name, slot in slots.items() if "Default" not in slot and name not in given):
        raise AwsError("ValidationError", f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in {**defaults(template), **given}.items():
        slot = slots[name]
        values = value.split(",") if slot.get("Type") == "CommaDelimitedList" else [value]
        if fault := next(filter(None, (_fault(slot, each.strip()) for each in values)), None):
            raise AwsError(
                "ValidationError",
                slot.get("ConstraintDescription") or f"Parameter {name} failed to satisfy constraint: {fault}",
            )


def defaults(template: Mapping[str, Any]) -> dict[str, str]:
    """Default values as text, for moto to turn lists and numbers into what they are: it does so for given ones only."""
    slots = template.get("Parameters", {}).items()
    return {name: _text(slot["Default"]) for name, slot in slots if "Default" in slot}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fault(slot: Mapping[str, Any], value: str) -> str | None:
    allowed = [str(choice) for choice in slot.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"Parameter must be one of: [{', '.join(allowed)}]"
    if "AllowedPattern" in slot and not re.fullmatch(slot["AllowedPattern"], value):
        return f"Parameter must match pattern {slot['AllowedPattern']}"
    if not int(slot.get("MinLength", 0)) <= len(value) <= int(slot.get("MaxLength", 4096)):
        return f"Member must have length between {slot.get('MinLength', 0)} and {slot.get('MaxLength', 4096)}"
    if slot.get("Type") == "Number" and not float(slot.get("MinValue", "-inf")) <= float(value) <= float(
        slot.get("MaxValue", "inf")
    ):
        return f"Member must be between {slot.get('MinValue')} and {slot.get('MaxValue')}"
    return None


def check_capabilities(template: Mapping[str, Any], given: Iterable[str]) -> None:
    """IAM resources need the caller's acknowledgement, named ones the stronger one."""
    properties = [
        resource.get("Properties") or {}
        for resource in template["Resources"].values()
        if resource["Type"].startswith("AWS::IAM::") and resource["Type"].split("::")[2] in IAM_TYPES
    ]
    named = any(IAM_NAMES & set(each) for each in properties)
    sufficient = {"CAPABILITY_NAMED_IAM"} if named else {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}
    if properties and not sufficient & set(given):
        needed = "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"
        raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")
