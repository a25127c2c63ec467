"""Recording and checking one flow: the only place that composes the stages."""

from pytest_flowrepro.check.job import Job, Observation, Upstream
from pytest_flowrepro.check.pipeline import observe, record
from pytest_flowrepro.check.prepare import rebuild

__all__ = ["Job", "Observation", "Upstream", "observe", "rebuild", "record"]
