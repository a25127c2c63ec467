"""`flowrepro clean --baselines`: delete the obsolete baselines of the project."""

from __future__ import annotations

from pathlib import Path

from pytest_flowrepro.cli.answer import Answer
from pytest_flowrepro.cli.flow_names import project_of
from pytest_flowrepro.pipeline import obsolete_baselines, reason_to_keep, remove_obsolete
from pytest_flowrepro.report.text import inert
from pytest_flowrepro.settings.project import configuration_above
from pytest_flowrepro.settings.reader import read_settings
from pytest_flowrepro.support.text import counted


def clean_baselines(*, dry_run: bool) -> Answer:
    """Delete the obsolete baselines that git can restore, and list them all with the reasons.

    The project is that of the working directory. Raises `FlowReproError` if its configuration
    cannot be read, or a baseline cannot be deleted.
    """
    here = Path.cwd()
    configuration = configuration_above(here)
    root = configuration.parent if configuration else project_of(here / "flow.py")
    obsolete = obsolete_baselines(root, read_settings(root))
    kept = {baseline: reason for baseline in obsolete if (reason := reason_to_keep(baseline))}
    if not dry_run:
        tuple(remove_obsolete(baseline for baseline in obsolete if baseline not in kept))
    lines = []
    for baseline in obsolete:
        verb = "kept" if baseline in kept else "obsolete" if dry_run else "deleted"
        text = f"{verb:<8}  {baseline.folder.relative_to(root).as_posix()}: {baseline.reason}"
        lines.append(f"{text}; {kept[baseline]}" if baseline in kept else text)
    gone = counted(len(obsolete) - len(kept), "baseline")
    return Answer(
        text="".join(f"{inert(line)}\n" for line in lines),
        remark=f"{gone} {'would be deleted from' if dry_run else 'deleted from'} {root}",
    )
