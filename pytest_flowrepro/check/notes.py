"""What the reader of a report should know beside the differences, a sentence each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_flowrepro.model import Step, Task, TaskLog

_REMOTE = frozenset({"batch", "kubernetes"})


def ran_here_instead(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        for one in step.decorators:
            if one.name in _REMOTE:
                where = f"the flow sends it elsewhere (@{one.name})"
                yield f"step {step.name} ran on this machine; {where}"


_DIGEST = re.compile(r"@sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$")


def images_by_tag(steps: tuple[Step, ...], env: Mapping[str, object]) -> Iterator[str]:
    """A sentence for each remote step whose image is named by a tag, or by nothing but its name.

    `env` is what the configuration gives the flow. Metaflow takes the image of a decorator without
    one from there (metaflow/metaflow_config.py); without that either, it is Metaflow's own choice.
    """
    for step in steps:
        for one in step.decorators:
            if one.name in _REMOTE and isinstance(one.attributes, dict):
                own = f"METAFLOW_{one.name.upper()}_CONTAINER_IMAGE"
                default = env.get(own) or env.get("METAFLOW_DEFAULT_CONTAINER_IMAGE")
                image = one.attributes.get("image") or default
                if isinstance(image, str) and not _DIGEST.search(image):
                    what = f"step {step.name}: image {image} is a tag"
                    why = "which may come to mean another image"
                    yield f"{what}, {why}; name a digest (@sha256:...)"


def repeated_attempts(logs: tuple[TaskLog, ...]) -> Iterator[str]:
    for log in logs:
        if log.attempts > 1:
            yield f"step {log.title} took {log.attempts} attempts"


def broken_cards(tasks: tuple[Task, ...]) -> Iterator[str]:
    """Of those that reproduce, too: a card that was broken when it was recorded."""
    for task in tasks:
        for artifact in task.artifacts:
            if artifact.type == "metaflow.card" and artifact.value != "rendered":
                yield f"step {task.title}: {artifact.name} did not render ({artifact.value})"
