"""A repository of many flows, random edits of it, and what each flow depends on.

`dependencies` is written apart from the plugin's own code: it reads the whole content that the
verdict on a flow depends on, so that two of its results tell whether a flow is affected.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from recorded_repository import FLOW, GIT_ENVIRONMENT
from recordings import artifact, recording, task

from pytest_flowrepro.baseline import baseline_folder, write_baseline
from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.pipeline import Job
from pytest_flowrepro.settings.reader import read_settings

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

Content: TypeAlias = dict[str, object]

_TEAMS = 20


def make_monorepo(root: Path, flows: int) -> tuple[FlowSource, ...]:
    """Commit a repository of this many flows, and return them.

    Each team has a folder with modules and data. Some have links to shared modules, and links in
    these; requirements of their own, which include others; a package of the repository; or
    settings that name data.
    """
    teams = min(_TEAMS, flows)
    for name in ("shared/text", "shared/deep", "data", "libs/tools/src/tools", "req"):
        (root / name).mkdir(parents=True)
    write(root / "shared/text/util.py", "WIDTH = 1\n")
    write(root / "shared/deep/far.py", "FAR = 1\n")
    (root / "shared/text/deep").symlink_to("../deep")
    write(root / "libs/tools/pyproject.toml", '[project]\nname = "tools"\nversion = "1"\n')
    write(root / "libs/tools/src/tools/__init__.py", "TOOL = 1\n")
    write(root / "req/base.txt", "metaflow\n")
    write(root / "requirements.txt", "-r req/base.txt\n")
    write(root / "README.md", "flows\n")
    settings = ["[tool.flowrepro]", "timeout = 60", "[tool.ruff]", "line-length = 100"]
    sources = []
    for number in range(flows):
        team = root / f"team{number % teams}"
        name = f"Flow{number}"
        if number < teams:
            make_team(team, number)
        folder = team if number % 3 else team / "jobs"
        file = folder / f"flow{number}.py"
        write(file, FLOW.format(name=name))
        if number % 5 == 0:
            settings += [f"[tool.flowrepro.flow.{name}]", 'include = ["../data/*.csv"]']
        if number % 7 == 0:
            values = artifact("x", number)
            folder = baseline_folder(file, name, None)
            write_baseline(folder, recording(task("start", values), flow=name), root=root)
        sources.append(FlowSource(file=file, name=name, lineno=1, steps=("start", "end")))
    write(root / "pyproject.toml", "\n".join(settings) + "\n")
    git("init", "-q", "-b", "main", ".", root=root)
    git("add", "-A", root=root)
    git("commit", "-q", "-m", "all flows", root=root)
    return tuple(sources)


def make_team(team: Path, number: int) -> None:
    write(team / "common.py", "NUMBER = 1\n")
    write(team / "notes.md", "notes\n")
    write(team / "data/rows.csv", "1,2\n")
    write(team / "jobs/data/rows.csv", "1,2\n")
    write(team / "jobs/helper.py", "HELP = 1\n")
    if number % 2:
        (team / "lib").symlink_to("../shared/text")
    if number % 3 == 1:
        write(team / "requirements.txt", "-r ../req/base.txt\nnumpy\n")
    if number % 5 == 2:
        write(team / "requirements.txt", "metaflow\n../libs/tools\n")


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def git(*args: str, root: Path) -> None:
    subprocess.run(["git", *args], cwd=root, env={**os.environ, **GIT_ENVIRONMENT}, check=True)


def jobs_of(root: Path, flows: tuple[FlowSource, ...]) -> list[Job]:
    """Return a job for each flow whose file is still there."""
    settings = read_settings(root)
    return [
        Job(
            flow=flow,
            case=None,
            settings=settings.for_flow(flow.name),
            root=root,
            folder=root / ".flowrepro",
            environments=root / ".flowrepro",
            resolutions=root / ".flowrepro",
        )
        for flow in flows
        if flow.file.is_file()
    ]


# --- random edits ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Editor:
    """Edits of a repository at random places."""

    root: Path
    random: random.Random

    def edit(self) -> str:
        """Make one to three edits, and return what they were."""
        edits: list[Callable[[], str]] = [
            *([self.change] * 6),
            *([self.add] * 3),
            *([self.remove] * 3),
            *([self.move] * 2),
            self.relink,
            self.replace_by_link,
            self.configure,
            self.configure_another_tool,
            self.require,
        ]
        return "; ".join(self.random.choice(edits)() for _ in range(self.random.randint(1, 3)))

    def undo(self) -> None:
        git("reset", "-q", "--hard", root=self.root)
        git("clean", "-fdqx", root=self.root)

    def change(self) -> str:
        file = self.random.choice(self.files())
        file.write_bytes(file.read_bytes() + b"\n# more\n")
        return f"changed {self.shown(file)}"

    def add(self) -> str:
        folder = self.random.choice([path.parent for path in self.files()])
        names = ("new.py", "new.csv", "new.txt", "requirements.txt", ".hidden.py", "sub/new.py")
        file = folder / self.random.choice(names)
        write(file, "metaflow\n" if file.suffix == ".txt" else "NEW = 1\n")
        return f"wrote {self.shown(file)}"

    def remove(self) -> str:
        file = self.random.choice(self.files())
        file.unlink()
        return f"removed {self.shown(file)}"

    def move(self) -> str:
        file = self.random.choice(self.files())
        place = file.with_name(f"moved_{file.name}")
        file.rename(place)
        return f"moved {self.shown(file)} to {place.name}"

    def relink(self) -> str:
        links = sorted(path for path in self.root.rglob("*") if path.is_symlink())
        if not links:
            return "no link"
        link = self.random.choice(links)
        link.unlink()
        if self.random.random() < 0.7:
            target = self.random.choice(["shared/deep", "shared/text", "data", "team0/jobs"])
            link.symlink_to(os.path.relpath(self.root / target, link.parent))
        return f"relinked {self.shown(link)}"

    def replace_by_link(self) -> str:
        file = self.random.choice([f for f in self.files() if f.suffix in {".py", ".csv"}])
        file.unlink()
        file.symlink_to(os.path.relpath(self.root / "shared/text/util.py", file.parent))
        return f"linked {self.shown(file)}"

    def configure(self) -> str:
        name = f"Flow{self.random.randrange(40)}"
        table = f"[tool.flowrepro.flow.{name}]\n"
        file = self.root / "pyproject.toml"
        text = file.read_text(encoding="utf-8")
        if table in text:
            text = text.replace(table, f"{table}timeout = 9\n", 1)
        else:
            text += f"{table}timeout = 9\n"
        write(file, text)
        return f"configured {name}"

    def configure_another_tool(self) -> str:
        file = self.root / "pyproject.toml"
        text = file.read_text(encoding="utf-8")
        write(file, text.replace("line-length = 1", "line-length = 2"))
        return "configured ruff"

    def require(self) -> str:
        file = self.random.choice(
            [*self.root.rglob("requirements.txt"), self.root / "req/base.txt"]
        )
        if not file.is_file():
            return "no requirements"
        write(file, f"{file.read_text(encoding='utf-8')}pandas\n")
        return f"required more in {self.shown(file)}"

    def files(self) -> list[Path]:
        """Return the files, without those of git and the configuration."""
        return sorted(
            path
            for path in self.root.rglob("*")
            if path.is_file() and not path.is_symlink() and ".git" not in path.parts
            if path != self.root / "pyproject.toml"
        )

    def shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


# --- what a flow depends on -----------------------------------------------------------


def dependencies(root: Path, flow: FlowSource) -> Content:
    """Return everything in the repository that the verdict on a flow depends on."""
    table = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    flows = table["flowrepro"].pop("flow", {})
    settings = {**table["flowrepro"], **flows.get(flow.name, {})}
    folder = flow.file.parent
    content: Content = {"settings": settings}
    for file in code(folder, frozenset()):
        content[f"code {os.path.relpath(file, folder)}"] = content_of(file)
    for pattern in settings.get("include", ()):
        for file in sorted(folder.glob(pattern)):
            content[f"included {os.path.relpath(file, folder)}"] = content_of(file)
    content["requirements"] = requirements(root, folder)
    baseline = baseline_folder(flow.file, flow.name, None)
    for file in sorted(baseline.rglob("*")):
        content[f"baseline {file.name}"] = content_of(file)
    for file in sorted(baseline.parent.parent.glob("lock-*.txt")) if baseline.is_dir() else ():
        content[f"baseline {file.name}"] = content_of(file)
    return content


def code(folder: Path, links: frozenset[str]) -> list[Path]:
    """Return the Python files that Metaflow ships with a flow of this folder."""
    files = []
    for path in sorted(folder.iterdir()):
        if path.name[0] == "." or path.name in {"__pycache__", "__flowrepro__"}:
            continue
        if path.is_dir():
            target = os.path.realpath(path)
            if not path.is_symlink():
                files += code(path, links)
            elif target not in links:
                files += code(path, links | {target})
        elif path.suffix == ".py":
            files.append(path)
    return files


def content_of(path: Path) -> object:
    try:
        return path.read_bytes()
    except OSError as error:  # a link that leads nowhere, or a folder
        return type(error).__name__


def requirements(root: Path, folder: Path) -> object:
    above = [folder, *(p for p in folder.parents if p.is_relative_to(root))]
    file = next((p / "requirements.txt" for p in above if (p / "requirements.txt").is_file()), None)
    return None if file is None else [os.path.relpath(file, folder), required(file)]


def required(file: Path) -> list[object]:
    """Return the lines of a file, and the contents of the files and packages that they name."""
    lines: list[object] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        lines.append(line)
        if line.startswith("-r "):
            other = file.parent / line.removeprefix("-r ")
            lines.append(required(other) if other.is_file() else "missing")
        elif line.startswith(".."):
            package = file.parent / line
            files = [f for f in sorted(package.rglob("*")) if f.is_file() and f.suffix != ".md"]
            lines += [(os.path.relpath(f, package), content_of(f)) for f in files]
    return lines
