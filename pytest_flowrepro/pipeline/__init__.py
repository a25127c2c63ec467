"""Recording and checking one flow: the only place that composes the stages."""

from pytest_flowrepro.pipeline.apart import observe, record
from pytest_flowrepro.pipeline.changed_since import ChangedSince
from pytest_flowrepro.pipeline.job import Doing, Job, Observation, Upstream
from pytest_flowrepro.pipeline.obsolete import (
    ObsoleteBaseline,
    obsolete_baselines,
    reason_to_keep,
    remove_obsolete,
)
from pytest_flowrepro.pipeline.policy import policy_of
from pytest_flowrepro.pipeline.prepare import Environments, environments
from pytest_flowrepro.pipeline.project_tree import steps_of, written_in
from pytest_flowrepro.pipeline.repository_changes import changes_since
from pytest_flowrepro.pipeline.resolve_today import (
    resolved_environments,
    upload_days_of,
    with_upload_days,
)

__all__ = [
    "ChangedSince",
    "Doing",
    "Environments",
    "Job",
    "Observation",
    "ObsoleteBaseline",
    "Upstream",
    "changes_since",
    "environments",
    "observe",
    "obsolete_baselines",
    "policy_of",
    "reason_to_keep",
    "record",
    "remove_obsolete",
    "resolved_environments",
    "steps_of",
    "upload_days_of",
    "with_upload_days",
    "written_in",
]
