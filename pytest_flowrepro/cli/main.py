"""The console script `flowrepro`: commands without a test run (docs/reference/command-line.md)."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pytest_flowrepro import __version__
from pytest_flowrepro.baseline import (
    ARTIFACTS,
    baseline_folder,
    flow_file,
    read_baseline,
)
from pytest_flowrepro.cli.answer import INTERRUPTED, Answer
from pytest_flowrepro.cli.completion import SHELLS, PrintCompletion, complete_paths
from pytest_flowrepro.cli.flow_names import (
    file_and_name,
    not_recorded,
    project_of,
    recorded_folders,
)
from pytest_flowrepro.cli.merge import add_merge_arguments
from pytest_flowrepro.model import NamedFile
from pytest_flowrepro.report import render_html, render_json, render_markdown, render_text
from pytest_flowrepro.report.manifest import render_manifest
from pytest_flowrepro.report.text import inert
from pytest_flowrepro.support.amounts import parse_age, parse_size
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro.model import FlowSource

_FORMATS = {
    "text": render_text,
    "markdown": render_markdown,
    "json": render_json,
    "html": render_html,
}

_FLOW_HELP = "path/to/flow.py, path/to/flow.py::FlowName, or the name of a recorded flow"


def main(argv: list[str] | None = None) -> int:
    """Run a command and return the exit code.

    0: done, no difference; 1: `diff` found a difference, a merged report has a flow that failed; 2:
    an error or a wrong command line.
    """
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], Answer] = args.command
    try:
        answer = command(args)
    except FlowReproError as error:
        _write(sys.stderr, "\n".join(inert(line) for line in f"flowrepro: {error}".splitlines()))
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    if answer.remark:
        _write(sys.stderr, "\n".join(map(inert, answer.remark.splitlines())))
    _write(sys.stdout, answer.text)
    return answer.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flowrepro", description="Commands for baselines, code packages and caches."
    )
    parser.add_argument("--version", action="version", version=f"flowrepro {__version__}")
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        help="print the script that completes this command in a shell",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    diff = commands.add_parser("diff", help="compare the baselines of two revisions or folders")
    diff.add_argument(
        "base", metavar="BASE", help="a git revision, A..B or A...B as for git diff, or a folder"
    )
    diff.add_argument(
        "head", metavar="HEAD", nargs="?", help="a revision or a folder; default: the working tree"
    )
    diff.add_argument(
        "--merge-base",
        action=argparse.BooleanOptionalAction,
        help="compare with the commit where HEAD left BASE (default if BASE is a branch)",
    )
    diff.add_argument("--format", choices=tuple(_FORMATS), default="text")
    diff.add_argument(
        "--details",
        action="store_true",
        help="show every task and step, and when and where this ran",
    )
    diff.add_argument("--quiet", action="store_true", help="print nothing; see the exit code")
    exit_code = diff.add_mutually_exclusive_group()
    exit_code.add_argument(
        "--exit-code", action="store_true", help="exit with 1 if there are differences (default)"
    )
    exit_code.add_argument(
        "--exit-zero", action="store_true", help="exit with 0 although there are differences"
    )
    diff.set_defaults(command=_diff)

    merge = commands.add_parser(
        "merge-reports", help="merge the JSON reports of several sessions, such as shards"
    )
    add_merge_arguments(merge)

    show = commands.add_parser("show", help="show the baseline of a flow")
    complete_paths(
        show.add_argument("flow", metavar="FLOW", help=f"{_FLOW_HELP}; or an {ARTIFACTS}")
    )
    show.set_defaults(command=_show)

    python = commands.add_parser("python", help="print the Python that the recorded flows need")
    complete_paths(python.add_argument("flow", metavar="FLOW", nargs="?", help=_FLOW_HELP))
    python.add_argument(
        "--all", action="store_true", help="print all, if they need several; the newest is last"
    )
    python.set_defaults(command=_python)

    review = commands.add_parser(
        "review", help="accept or reject what the last failed check of each flow found"
    )
    complete_paths(review.add_argument("flows", metavar="FLOW", nargs="*", help=_FLOW_HELP))
    review.add_argument(
        "--accept",
        metavar="PATTERN",
        action="append",
        default=[],
        help="accept these changes without a question: `train.score`, `train.*`, `code`, ...",
    )
    review.add_argument(
        "--reject", metavar="PATTERN", action="append", default=[], help="reject these changes"
    )
    review.add_argument("--reason", metavar="TEXT", help="the reason, for the history")
    review.set_defaults(command=_review)

    accept = commands.add_parser("accept", help="accept all that the last failed checks found")
    complete_paths(accept.add_argument("flows", metavar="FLOW", nargs="*", help=_FLOW_HELP))
    accept.add_argument(
        "--last", action="store_true", required=True, help="accept the last check of each flow"
    )
    accept.add_argument("--reason", metavar="TEXT", default="", help="the reason, for the history")
    accept.set_defaults(command=_accept)

    package = commands.add_parser("package", help="inspect the code package of a flow")
    parts = package.add_subparsers(required=True, metavar="COMMAND")
    listing = parts.add_parser("list", help="list the files that would be packaged now")
    complete_paths(listing.add_argument("flow", metavar="FLOW", help=_FLOW_HELP))
    listing.set_defaults(command=_package_list)

    clean = commands.add_parser("clean", help="delete cached files, or obsolete baselines")
    clean.add_argument(
        "--dry-run", action="store_true", help="list what would be deleted, and delete nothing"
    )
    clean.add_argument(
        "--baselines",
        action="store_true",
        help="delete the obsolete baselines of the project that are committed, and no cached file",
    )
    clean.add_argument(
        "--older-than",
        metavar="AGE",
        type=_age,
        default=0.0,
        help="only cached files that were not used for so long: 30d, 12h; a number means days",
    )
    clean.add_argument(
        "--max-size",
        metavar="SIZE",
        type=_size,
        help="of the others, those used last are kept, up to this size: 5GB, 500MB",
    )
    clean.set_defaults(command=_clean)

    cache = commands.add_parser("cache", help="show the size and age of cached files, by kind")
    cache.set_defaults(command=_cache)
    return parser


def _age(text: str) -> float:
    try:
        return parse_age(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid age: {text!r}; write 30d, 12h or 2w") from None


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid size: {text!r}; write 5GB or 500MB") from None


def _write(stream: TextIO, text: str) -> None:
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # not every terminal takes every character
    try:
        stream.write(text if text.endswith("\n") or not text else f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        # The reader has closed the pipe. Python flushes again at exit, then to /dev/null.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


# --- diff -----------------------------------------------------------------------------


def _diff(args: argparse.Namespace) -> Answer:
    from pytest_flowrepro.cli.diff import DiffRequest, compare_sides  # noqa: PLC0415  only this command needs it

    request = DiffRequest.parse(args.base, args.head, merge_base=args.merge_base)
    render = partial(_FORMATS[args.format], details=args.details)
    answer = compare_sides(request, render, draws=args.format in {"html", "json"})
    if args.quiet:
        answer = Answer(text="", exit_code=answer.exit_code)
    if args.exit_zero and answer.exit_code == 1:
        answer = replace(answer, exit_code=0)
    return answer


# --- show -----------------------------------------------------------------------------


def _show(args: argparse.Namespace) -> Answer:
    # Git passes its copy of a file, which older ones call `aB3xYz_artifacts.json`.
    if args.flow.endswith(ARTIFACTS) and (file := Path(args.flow)).is_file():
        from pytest_flowrepro.cli.artifact_text import show_artifacts  # noqa: PLC0415  as above

        return show_artifacts(file)
    shown = []
    for folder in recorded_folders(args.flow):
        recording = read_baseline(folder, root=project_of(folder))
        if recording is not None:
            shown.append(render_manifest(recording, file=os.path.relpath(flow_file(folder))))
    if not shown:
        raise not_recorded(args.flow)
    return Answer(text="\n".join(shown))


# --- python ---------------------------------------------------------------------------


def _python(args: argparse.Namespace) -> Answer:
    from pytest_flowrepro.cli.interpreters import list_interpreters  # noqa: PLC0415  as above

    return list_interpreters(args.flow, every=args.all)


# --- review and accept ----------------------------------------------------------------


def _review(args: argparse.Namespace) -> Answer:
    from pytest_flowrepro.cli.review import Selected, review_flows  # noqa: PLC0415  as above
    from pytest_flowrepro.cli.walk import Terminal, walk_through  # noqa: PLC0415

    flows, accept, reject = (tuple(names) for names in (args.flows, args.accept, args.reject))
    if not accept and not reject:
        return walk_through(flows, Terminal.of_process(), reason=args.reason or "")
    if not args.reason:
        raise FlowReproError(
            "The reason is missing, which is kept with each change",
            hint="pass --reason TEXT",
        )
    return review_flows(flows, Selected(accept=accept, reject=reject, reason=args.reason))


def _accept(args: argparse.Namespace) -> Answer:
    from pytest_flowrepro.cli.review import Selected, review_flows  # noqa: PLC0415  as above

    return review_flows(tuple(args.flows), Selected(accept=None, reason=args.reason))


# --- package list ---------------------------------------------------------------------


def _package_list(args: argparse.Namespace) -> Answer:
    from pytest_flowrepro.package.code_package import default_suffixes, package_flow  # noqa: PLC0415  as above
    from pytest_flowrepro.settings.reader import read_settings  # noqa: PLC0415

    source = _source(args.flow)
    root = project_of(source.file)
    baseline = read_baseline(baseline_folder(source.file, source.name, None), root=root)
    recorded = [source.file.parent / file.path for file in baseline.code] if baseline else []
    named = (NamedFile(source=Path(os.path.normpath(file))) for file in recorded if file.is_file())
    with tempfile.TemporaryDirectory(prefix="flowrepro-") as scratch:
        package = package_flow(
            source,
            root=root,
            named_files=tuple(named),
            include=read_settings(root).for_flow(source.name).include,
            suffixes=default_suffixes(os.environ),
            destination=Path(scratch, "code.tar"),
        )
    completeness = "as recorded" if baseline else "left out, as the flow has no baseline yet"
    return Answer(
        text="".join(f"{inert(file.path)}\n" for file in package.files),
        remark="packages of the repository that the flow requires, and files of IncludeFile and "
        f"Config defaults, which only Metaflow can list: {completeness}",
    )


def _source(flow: str) -> FlowSource:
    """Return the one flow that `flow` means; raise `FlowReproError` for none or several."""
    from pytest_flowrepro.discover.flows import find_flows  # noqa: PLC0415  as above

    file, name = file_and_name(flow)
    if file is None:
        files = {flow_file(folder) for folder in recorded_folders(flow)}
    elif file.is_file():
        files = {file.absolute()}
    else:
        files = set()
    if not files:
        raise not_recorded(flow)
    sources = [
        source for path in sorted(files) for source in find_flows(path, root=project_of(path))
    ]
    meant = [source for source in sources if not name or source.name == name.partition("@")[0]]
    if len(meant) != 1:
        names = ", ".join(
            f"{os.path.relpath(source.file)}::{source.name}" for source in meant or sources
        )
        raise FlowReproError(
            f"{flow} means {len(meant) or 'no'} flow{'s' if meant else ''}",
            hint=f"pass one of {names}" if names else "pass the path of a file that starts a flow",
        )
    return meant[0]


# --- clean ----------------------------------------------------------------------------


def _clean(args: argparse.Namespace) -> Answer:
    if args.baselines:
        from pytest_flowrepro.cli.obsolete import clean_baselines  # noqa: PLC0415  as above

        if args.older_than or args.max_size is not None:
            raise FlowReproError(
                "The option --baselines deletes no cached file, so it takes no limit",
                hint="leave out --older-than and --max-size, or --baselines",
            )
        return clean_baselines(dry_run=args.dry_run)
    from pytest_flowrepro.cli.cache import CleanRequest, clean_cache  # noqa: PLC0415  as above

    return clean_cache(
        CleanRequest(unused_for=args.older_than, max_size=args.max_size, is_dry=args.dry_run)
    )


# --- cache ----------------------------------------------------------------------------


def _cache(args: argparse.Namespace) -> Answer:  # noqa: ARG001  as every command
    from pytest_flowrepro.cli.cache import show_cache  # noqa: PLC0415  as above

    return show_cache()
