"""EventBridge Scheduler: schedules that fire."""

from sandbox.aws.services.scheduler.service import Scheduler

__all__ = ["Scheduler"]
