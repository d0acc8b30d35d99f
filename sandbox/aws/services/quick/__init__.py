"""Amazon Quick (its API still says QuickSight): data sources that work only if the whole role chain does."""

from sandbox.aws.services.quick.answer import Answer
from sandbox.aws.services.quick.service import Quick

__all__ = ["Answer", "Quick"]
