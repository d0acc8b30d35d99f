"""S3's way to the gateway: the one service of moto that does not pass through `call_action`.

Bucket policies are read by the sandbox's evaluator (`permissions/buckets.py`), not by moto's: that one knows no
condition key, and takes a statement whose condition is not met for a denial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

if TYPE_CHECKING:
    from collections.abc import Callable

    Original = Callable[[S3Response, Any, Any, Any], Any]
    Answer = Callable[[S3Response, Callable[[S3Response], Any]], Any]

WAYS_IN = ("bucket_response", "key_response")  # moto's third, ambiguous_response, goes on to one of these


class S3Gateway:
    """Lets `answer` decide about S3's calls while installed: it gets moto's response object, and moto's own answer."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._originals: dict[str, Original] = {}
        self._judge: Any = None  # moto's own

    def install(self) -> None:
        """Stand in front of both ways in."""
        for name in WAYS_IN:
            self._originals[name] = getattr(S3Response, name)
            setattr(S3Response, name, self._guarded(self._originals[name]))
        self._judge, FakeBucket.get_permission = FakeBucket.get_permission, _no_opinion

    def uninstall(self) -> None:
        """Give moto its ways in back."""
        for name, original in self._originals.items():
            setattr(S3Response, name, original)
        if self._originals:
            FakeBucket.get_permission = self._judge
        self._originals.clear()

    def _guarded(self, original: Original) -> Original:
        def respond(response: S3Response, request: Any, full_url: Any, headers: Any) -> Any:
            response.setup_class(request, full_url, headers)  # who calls, and what
            answer = self._answer(response, lambda each: original(each, request, full_url, headers))
            return answer if isinstance(answer[2], bytes) else S3Response._send_response(answer)

        return respond


def _no_opinion(_bucket: FakeBucket, _action: str, _resource: str) -> PermissionResult:
    return PermissionResult.NEUTRAL
