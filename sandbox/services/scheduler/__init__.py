"""EventBridge Scheduler: schedules that fire."""

from sandbox.services.scheduler.service import Scheduler

__all__ = ["Scheduler"]
