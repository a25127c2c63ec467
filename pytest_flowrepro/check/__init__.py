"""Recording and checking one flow: the only place that composes the stages."""

from pytest_flowrepro.check.apart import observe, record
from pytest_flowrepro.check.fresh import resolved_environments, upload_days_of, with_origins
from pytest_flowrepro.check.job import Job, Observation, Upstream
from pytest_flowrepro.check.policy import policy_of
from pytest_flowrepro.check.prepare import Environments, environments
from pytest_flowrepro.check.project_tree import steps_of, written_in

__all__ = [
    "Environments",
    "Job",
    "Observation",
    "Upstream",
    "environments",
    "observe",
    "policy_of",
    "record",
    "resolved_environments",
    "steps_of",
    "upload_days_of",
    "with_origins",
    "written_in",
]
