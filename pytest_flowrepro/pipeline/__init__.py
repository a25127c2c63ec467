"""Recording and checking one flow: the only place that composes the stages."""

from pytest_flowrepro.pipeline.apart import observe, record
from pytest_flowrepro.pipeline.job import Job, Observation, Upstream
from pytest_flowrepro.pipeline.obsolete import (
    ObsoleteBaseline,
    is_committed,
    obsolete_baselines,
    with_new_names,
)
from pytest_flowrepro.pipeline.policy import policy_of
from pytest_flowrepro.pipeline.prepare import Environments, environments
from pytest_flowrepro.pipeline.project_tree import steps_of, written_in
from pytest_flowrepro.pipeline.resolve_today import (
    resolved_environments,
    upload_days_of,
    with_upload_days,
)

__all__ = [
    "Environments",
    "Job",
    "Observation",
    "ObsoleteBaseline",
    "Upstream",
    "environments",
    "is_committed",
    "observe",
    "obsolete_baselines",
    "policy_of",
    "record",
    "resolved_environments",
    "steps_of",
    "upload_days_of",
    "with_new_names",
    "with_upload_days",
    "written_in",
]
