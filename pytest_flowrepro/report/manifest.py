"""A recording as text for people: the inputs of a flow, and its results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_flowrepro.model import lock_file
from pytest_flowrepro.model.policy import policy_json
from pytest_flowrepro.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import Artifact, Decorator, Environment, Recording, Step
    from pytest_flowrepro.support.strict_json import Json

_WIDTH = 60
"""Maximum number of characters of a value; artifacts.json has the whole."""


_RESOURCES = ("image", "cpu", "gpu", "memory", "disk")


def render_manifest(recording: Recording, *, file: str) -> str:
    """Render everything that a baseline records, one line each, in the order of the manifest."""
    return "".join(f"{inert(line)}\n" for line in _manifest_lines(recording, file))


def _manifest_lines(recording: Recording, file: str) -> Iterator[str]:
    yield f"{file}::{recording.title}"
    system = recording.system
    yield f"  recorded on {system.platform} {system.machine}, {system.libc}; {_runs(recording)}"
    yield "  policy"
    for key, value in policy_json(recording.policy).items():
        yield from (f"    {line}" for line in _setting_lines(key, value))
    for environment in recording.environments:
        yield from _environment(environment)
    yield "  code"
    yield from (f"    {code.path}  {code.sha256[:12]}" for code in recording.code)
    if recording.parameters:
        yield "  parameters"
        yield from (f"    {_artifact_text(parameter)}" for parameter in recording.parameters)
    yield "  steps"
    yield from (f"    {_step_text(step)}" for step in recording.steps)
    yield "  artifacts"
    for task in recording.tasks:
        yield from (f"    {task.title}.{_artifact_text(artifact)}" for artifact in task.artifacts)


def _setting_lines(key: str, value: Json) -> Iterator[str]:
    match value:
        case list() if all(isinstance(item, str) for item in value):
            yield f"{key}: {', '.join(map(str, value))}"
        case list():
            yield from (f"{key}: {_pattern_text(item)}" for item in value)
        case dict():
            yield from (f"{key}: {name} = {_shortened(item)}" for name, item in value.items())
        case _:
            yield f"{key}: {value}"


def _pattern_text(entry: Json) -> str:
    """Render a pattern: `train.rows.*.id  reason: drawn anew  until: 2027-03-31`."""
    terms = dict(entry) if isinstance(entry, dict) else {}
    pattern = terms.pop("pattern", "")
    return "  ".join([str(pattern), *(f"{name}: {term}" for name, term in terms.items())])


def _runs(recording: Recording) -> str:
    return "reruns compared" if recording.runs > 1 else "reruns not compared"


def _environment(environment: Environment) -> Iterator[str]:
    lock = lock_file(environment.lock.digest)
    yield f"  environment {environment.name}: {environment.python}, {lock}"
    for package in environment.packages:
        via = f"  (via {', '.join(package.via)})" if package.via else ""
        url = f"  {package.direct_url}" if package.direct_url else ""
        imported = "  imported" if package.name in environment.imported else ""
        yield f"    {package.name} {package.version}{via}{url}{imported}"


def _step_text(step: Step) -> str:
    decorators = "".join(f"  {_decorator(decorator)}" for decorator in step.decorators)
    following = f" -> {', '.join(step.next)}" if step.next else ""
    return f"{step.name} ({step.type}){following}{decorators}"


def _decorator(decorator: Decorator) -> str:
    """Render a decorator with its image and resources; manifest.json has the rest."""
    attributes = decorator.attributes if isinstance(decorator.attributes, dict) else {}
    resources = ", ".join(
        f"{name}={attributes[name]}" for name in _RESOURCES if attributes.get(name) is not None
    )
    return f"@{decorator.name}({resources})" if resources else f"@{decorator.name}"


def _artifact_text(artifact: Artifact) -> str:
    remark = "" if artifact.determinism == "deterministic" else f"  [{artifact.determinism}]"
    opaque = "  [opaque]" if artifact.opaque else ""
    if artifact.determinism == "nondeterministic":
        return f"{artifact.name}: {artifact.type}{remark}"
    return f"{artifact.name}: {artifact.type} = {_shortened(artifact.value)}{opaque}{remark}"


def _shortened(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
