"""The files of a baseline: a `Recording` to their text, and back (docs/reference/baseline.md)."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from packaging.requirements import InvalidRequirement, Requirement

from pytest_flowrepro.baseline.errors import broken, parse_document, place
from pytest_flowrepro.baseline.folder import MANIFEST, MISSING
from pytest_flowrepro.baseline.layout import Layout, json_line, to_text, value_layout
from pytest_flowrepro.baseline.locks import lock_place, missing_lock
from pytest_flowrepro.baseline.policy import read_policy, read_profile
from pytest_flowrepro.baseline.seal import is_seal
from pytest_flowrepro.lockfile.parse import parse_lock
from pytest_flowrepro.lockfile.pypi import InvalidLockError
from pytest_flowrepro.model import (
    Artifact,
    CodeFile,
    CondaLock,
    Constraints,
    Decorator,
    Environment,
    Interpreter,
    Lock,
    Package,
    Recording,
    Step,
    System,
    Task,
    digest_of,
    lock_file,
    picture_file,
    value_file,
)
from pytest_flowrepro.model.policy import policy_json, profile_json
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from pytest_flowrepro.model import Determinism
    from pytest_flowrepro.support.json_node import JsonNode
    from pytest_flowrepro.support.strict_json import Json

SCHEMA = 1
ARTIFACTS = "artifacts.json"
HISTORY = "accepted.jsonl"
"""The file in a baseline's folder with a line for each accepted change; a recording keeps it."""

_INDEX = re.compile(r"\[(?:{n}(?:, {n})*)?\]".replace("{n}", "(?:0|[1-9][0-9]{0,17})"))

_T = TypeVar("_T")


def is_baseline_file(name: str) -> bool:
    """Return whether a file of this name in the folder belongs to the baseline.

    Any other is the user's. The locks are in the folder of several baselines (`locks`).
    """
    return name in {MANIFEST, ARTIFACTS} or is_seal(name)


# --- to text --------------------------------------------------------------------------


def encode_recording(recording: Recording) -> dict[str, str]:
    """Return the text of each file, by name; equal recordings give equal text.

    Raises `BaselineError` for contents that the files cannot hold: a value that JSON cannot
    represent, or two entries of one name.
    """
    locks = {
        lock_file(environment.lock.digest): environment.lock.text
        for environment in recording.environments
    }
    return {
        MANIFEST: to_text(_manifest(recording)) + "\n",
        ARTIFACTS: to_text(_artifacts_tree(recording)) + "\n",
        **locks,
    }


def _manifest(recording: Recording) -> Layout:
    return {
        "schema": json_line(SCHEMA),
        "flow": json_line(recording.flow),
        "case": json_line(recording.case),
        "runs": json_line(recording.runs),
        "system": {key: json_line(value) for key, value in _system(recording.system).items()},
        "policy": {key: _itemized(value) for key, value in policy_json(recording.policy).items()},
        "code": _sorted((file.path, json_line(file.sha256)) for file in recording.code),
        "environments": _sorted(
            (environment.name, _environment(environment)) for environment in recording.environments
        ),
        "parameters": _sorted(
            (parameter.name, _artifact(parameter)) for parameter in recording.parameters
        ),
        "steps": [_step_line(step) for step in recording.steps],
    }


def _system(system: System) -> dict[str, Json]:
    numeric = profile_json(system.numeric) if system.numeric is not None else None
    optional: dict[str, Json] = {
        "numeric": numeric,
        "processors": system.processors,
        "cpu": system.level,
        "blas": {name: dict(packages) for name, packages in system.blas} or None,
    }
    return {
        "platform": system.platform,
        "machine": system.machine,
        "libc": system.libc,
        **{key: value for key, value in optional.items() if value is not None},
    }


def _itemized(value: Json) -> Layout:
    match value:
        case dict():
            return {key: json_line(item) for key, item in value.items()}
        case list():
            return [json_line(item) for item in value]
    return json_line(value)


def _environment(environment: Environment) -> Layout:
    digest = environment.lock.digest
    lock: dict[str, Json] = {"file": lock_file(digest), "sha256": digest}
    constraints = _sorted(
        (declared.file, json_line(declared.digest)) for declared in environment.constraints
    )
    steps: dict[str, Layout] = (
        {"steps": json_line(list(environment.steps))} if environment.steps else {}
    )
    return {
        "python": json_line(str(environment.python)),
        **steps,
        "lock": json_line(lock),
        "requirements": [json_line(requirement) for requirement in environment.requirements],
        **({"constraints": constraints} if constraints else {}),
        **({"imported": json_line(list(environment.imported))} if environment.imported else {}),
        "packages": _sorted((package.name, _package(package)) for package in environment.packages),
    }


def _package(package: Package) -> str:
    fields: dict[str, Json] = {
        "version": package.version,
        "via": list(package.via),
        "record": package.record,
    }
    if package.wheel is not None:
        fields["wheel"] = package.wheel
    if package.direct_url is not None:
        fields["direct_url"] = package.direct_url
    return json_line(fields)


def _step_line(step: Step) -> str:
    decorators: list[Json] = [
        {"name": decorator.name, "attributes": decorator.attributes}
        for decorator in step.decorators
    ]
    what = f"A decorator of step {step.name}"
    fields: dict[str, Json] = {
        "name": step.name,
        "type": step.type,
        "next": list(step.next),
        "decorators": decorators,
        **({"code": step.code} if step.code is not None else {}),
    }
    return json_line(fields, what=what)


def _artifacts_tree(recording: Recording) -> Layout:
    position = {step.name: i for i, step in enumerate(recording.steps)}
    steps = dict.fromkeys(task.step for task in recording.tasks)
    tasks = {
        step: _unique(
            (
                json_line(list(task.index)),
                _sorted((a.name, _artifact(a)) for a in task.artifacts),
            )
            for task in sorted(recording.tasks, key=lambda task: task.index)
            if task.step == step
        )
        for step in sorted(steps, key=lambda step: position.get(step, len(position)))
    }
    return {"schema": json_line(SCHEMA), "steps": cast("Layout", tasks)}


def _artifact(artifact: Artifact) -> Layout:
    fields: dict[str, Json] = {
        "type": artifact.type,
        "digest": artifact.digest,
        "value": artifact.value,
    }
    if artifact.opaque:
        fields["opaque"] = True
    if artifact.unread:
        fields["unread"] = True
    if artifact.determinism != "deterministic":
        fields["determinism"] = artifact.determinism
    if artifact.structure is not None:
        fields["structure"] = artifact.structure
    if artifact.sha is not None:
        fields["sha"] = artifact.sha
    if artifact.stored is not None:
        fields["stored"] = True
    if artifact.picture is not None:
        fields["picture"] = True
    what = f"The value of {artifact.name}"
    return {
        key: value_layout(item, what=what) if key == "value" else json_line(item)
        for key, item in fields.items()
    }


def _sorted(pairs: Iterable[tuple[str, Layout]]) -> dict[str, Layout]:
    return dict(sorted(_unique(pairs).items()))


def _unique(pairs: Iterable[tuple[str, _T]]) -> dict[str, _T]:
    items: dict[str, _T] = {}
    for name, item in pairs:
        if name in items:
            raise BaselineError(
                f"Duplicate name {name} in the baseline",
                hint="rename one of the two in the flow",
            )
        items[name] = item
    return items


# --- and back -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Documents:
    """The files of a baseline, parsed as JSON of a schema that this version reads."""

    manifest: JsonNode
    artifacts: JsonNode
    files: Mapping[str, str]
    folder: str
    """The folder's name in messages."""

    @property
    def owner(self) -> tuple[str, str | None]:
        """The names of flow and case."""
        manifest = self.manifest
        return manifest.entry("flow").text(), manifest.entry("case").text_or_none()


def parse_documents(files: Mapping[str, str], *, folder: str = "") -> Documents:
    """Parse the files of a baseline, by name; `folder` is for messages.

    Raises `BaselineError`, which names the file and the line.
    """
    return Documents(
        manifest=_document(MANIFEST, files, folder),
        artifacts=_document(ARTIFACTS, files, folder),
        files=files,
        folder=folder,
    )


def decode_recording(
    files: Mapping[str, str], *, folder: str = "", stored: Callable[[str], Path] = Path
) -> Recording:
    """Return the `Recording` that `encode_recording` wrote; `folder` is for messages.

    `stored` gives the file of a value or picture by its name. Raises `BaselineError`, which names
    the file and the place in it.
    """
    return decode_documents(parse_documents(files, folder=folder), stored=stored)


def decode_documents(documents: Documents, *, stored: Callable[[str], Path] = Path) -> Recording:
    """Return the `Recording` in parsed documents, as `decode_recording` does."""
    files, folder = documents.files, documents.folder
    about = ("flow", "case", "runs", "system", "policy")
    manifest = documents.manifest.record(
        "schema", *about, "code", "environments", "parameters", "steps"
    )
    artifacts = documents.artifacts.record("schema", "steps")
    steps = tuple(_read_step(node) for node in manifest["steps"].items())
    names: set[str] = set()
    for step, node in zip(steps, manifest["steps"].items(), strict=True):
        if step.name in names:
            raise node.invalid(f"duplicate name {step.name}")
        names.add(step.name)
    for name, node in artifacts["steps"].entries():
        _check_step(name, names, node)
    return Recording(
        flow=manifest["flow"].text(),
        case=manifest["case"].text_or_none(),
        runs=manifest["runs"].integer(),
        system=_read_system(manifest["system"]),
        policy=read_policy(manifest["policy"]),
        code=tuple(
            CodeFile(path=path, sha256=node.text()) for path, node in manifest["code"].entries()
        ),
        environments=tuple(
            _read_environment(name, node, files, folder, names)
            for name, node in manifest["environments"].entries()
        ),
        parameters=tuple(_read_artifacts(manifest["parameters"], stored)),
        steps=steps,
        tasks=_read_tasks(artifacts["steps"], tuple(step.name for step in steps), stored),
    )


def decode_artifacts(text: str, file: str) -> tuple[Task, ...]:
    """Return the tasks in the text of an `artifacts.json`, in its order; `file` is for messages.

    Raises `BaselineError`, which names the place in the file.
    """
    document = _parsed(text, file)
    steps = document.record("schema", "steps")["steps"]
    return _read_tasks(steps, tuple(steps.mapping()), Path)


def _read_system(node: JsonNode) -> System:
    optional = ("numeric", "processors", "cpu", "blas")
    fields = node.record("platform", "machine", "libc", optional=optional)
    blas = fields["blas"].entries() if "blas" in fields else ()
    return System(
        platform=fields["platform"].text(),
        machine=fields["machine"].text(),
        libc=fields["libc"].text(),
        numeric=read_profile(fields["numeric"].record("threads", "cpu"))
        if "numeric" in fields
        else None,
        processors=fields["processors"].integer() if "processors" in fields else None,
        level=fields["cpu"].text() if "cpu" in fields else None,
        blas=tuple(
            (name, tuple((package, built.text()) for package, built in packages.entries()))
            for name, packages in blas
        ),
    )


def check_schema(document: JsonNode, file: str) -> None:
    """Raise `BaselineError` for a file that a newer version of this project wrote."""
    match document.value:
        case {"schema": int(schema)} if schema > SCHEMA:
            raise BaselineError(
                f"{file} has schema {schema}; this version reads schemas up to {SCHEMA}",
                hint="upgrade pytest-flowrepro: a newer version recorded this baseline",
            )


def _document(name: str, files: Mapping[str, str], folder: str) -> JsonNode:
    return _parsed(_text_of_file(name, files, folder), place(folder, name))


def _parsed(text: str, file: str) -> JsonNode:
    document = parse_document(text, file)
    check_schema(document, file)
    schema = document.entry("schema")
    if schema.integer() != SCHEMA:
        raise schema.wrong(f"{SCHEMA} or more")
    return document


def _text_of_file(name: str, files: Mapping[str, str], folder: str) -> str:
    if name not in files:
        raise broken(place(folder, name), MISSING)
    return files[name]


def _check_step(step: str, step_names: Collection[str], node: JsonNode) -> None:
    if step not in step_names:
        raise node.invalid(f"{MANIFEST} has no step {step}")


def _interpreter(node: JsonNode) -> Interpreter:
    try:
        return Interpreter.parse(node.text())
    except ValueError:
        raise node.wrong("an interpreter such as `cpython 3.11.7`") from None


def _read_environment(
    name: str, node: JsonNode, files: Mapping[str, str], folder: str, step_names: Collection[str]
) -> Environment:
    optional = ("steps", "constraints", "imported")
    fields = node.record("python", "lock", "requirements", "packages", optional=optional)
    lock = fields["lock"].record("file", "sha256")
    digest = lock["sha256"].text()
    file = lock["file"].text()
    if file != lock_file(digest):
        raise lock["file"].wrong(f'"{lock_file(digest)}"')
    if file not in files:
        raise missing_lock(folder, file)
    if digest_of(files[file]) != digest:
        raise broken(lock_place(folder, file), "is not as it was recorded")
    locked = _lock(files[file], lock_place(folder, file))
    steps = fields["steps"].items() if "steps" in fields else []
    for step in steps:
        _check_step(step.text(), step_names, step)
    return Environment(
        name=name,
        python=_interpreter(fields["python"]),
        packages=tuple(_read_package(*entry) for entry in fields["packages"].entries()),
        lock=locked,
        requirements=tuple(
            line.text() if isinstance(locked, CondaLock) else _requirement(line)
            for line in fields["requirements"].items()
        ),
        constraints=tuple(
            Constraints(file=file, digest=entry.text())
            for file, entry in (fields["constraints"].entries() if "constraints" in fields else ())
        ),
        steps=tuple(step.text() for step in steps),
        imported=fields["imported"].texts() if "imported" in fields else (),
    )


def _lock(text: str, file: str) -> Lock:
    try:
        return parse_lock(text)
    except InvalidLockError as error:
        problems = "; ".join(error.problems[:20])
        raise broken(file, f"is not a valid lock: {problems}") from error


def _requirement(node: JsonNode) -> str:
    try:
        Requirement(node.text())
    except InvalidRequirement:
        raise node.wrong("a requirement (PEP 508)") from None
    return node.text()


def _read_package(name: str, node: JsonNode) -> Package:
    fields = node.record("version", "via", "record", optional=("wheel", "direct_url"))
    return Package(
        name=name,
        version=fields["version"].text(),
        via=fields["via"].texts(),
        record=fields["record"].text(),
        direct_url=fields["direct_url"].text() if "direct_url" in fields else None,
        wheel=fields["wheel"].text() if "wheel" in fields else None,
    )


def _read_step(node: JsonNode) -> Step:
    fields = node.record("name", "type", "next", "decorators", optional=("code",))
    return Step(
        name=fields["name"].text(),
        type=fields["type"].text(),
        next=fields["next"].texts(),
        decorators=tuple(_read_decorator(item) for item in fields["decorators"].items()),
        code=fields["code"].text() if "code" in fields else None,
    )


def _read_decorator(node: JsonNode) -> Decorator:
    fields = node.record("name", "attributes")
    return Decorator(name=fields["name"].text(), attributes=fields["attributes"].value)


def _read_tasks(
    steps: JsonNode, order: tuple[str, ...], stored: Callable[[str], Path]
) -> tuple[Task, ...]:
    position = {step: i for i, step in enumerate(order)}
    tasks = [
        Task(
            step=step,
            index=_read_index(index, node),
            artifacts=tuple(_read_artifacts(node, stored)),
        )
        for step, indexes in steps.entries()
        for index, node in indexes.entries()
    ]
    return tuple(
        sorted(tasks, key=lambda t: (position.get(t.step, len(position)), t.step, t.index))
    )


def _read_index(text: str, node: JsonNode) -> tuple[int, ...]:
    if not _INDEX.fullmatch(text):
        raise node.wrong('named by a foreach index path, such as "[]" or "[0, 3]"')
    return tuple(json.loads(text))


def _read_artifacts(named: JsonNode, stored: Callable[[str], Path]) -> Iterator[Artifact]:
    optional = ("opaque", "unread", "determinism", "structure", "sha", "stored", "picture")
    for name, node in named.entries():
        fields = node.record("type", "digest", "value", optional=optional)
        is_stored, has_picture = (
            name in fields and fields[name].boolean() for name in ("stored", "picture")
        )
        has_file = is_stored or has_picture
        digest = fields["digest"].sha256() if has_file else fields["digest"].text()
        yield Artifact(
            name=name,
            type=sys.intern(fields["type"].text()),
            digest=digest,
            value=fields["value"].value,
            opaque="opaque" in fields and fields["opaque"].boolean(),
            unread="unread" in fields and fields["unread"].boolean(),
            determinism=_read_determinism(fields["determinism"])
            if "determinism" in fields
            else "deterministic",
            structure=fields["structure"].text() if "structure" in fields else None,
            sha=fields["sha"].text() if "sha" in fields else None,
            stored=stored(value_file(digest)) if is_stored else None,
            picture=stored(picture_file(digest)) if has_picture else None,
        )


def _read_determinism(node: JsonNode) -> Determinism:
    match node.value:
        case "deterministic" | "machine" | "hash-seed" | "nondeterministic" as determinism:
            return determinism
    raise node.wrong("deterministic, machine, hash-seed or nondeterministic")
