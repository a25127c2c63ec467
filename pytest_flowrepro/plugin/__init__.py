"""The plugin's options; `--flow-repro` switches on the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_HELP = {
    "--flow-repro": "check that Metaflow flows can be rebuilt, rerun and give the same results",
    "--flow-repro-update": "record new baselines of the selected flows, with the recorded "
    "locks unless requirements changed; commit them yourself",
    "--flow-repro-update-new": "record baselines only for flows that do not have one",
    "--flow-repro-strict": "fail if the project has a baseline without a flow or case",
    "--flow-repro-details": "show every change in full, and the files that each flow left in its "
    "working directory",
    "--flow-repro-step-summary": "append the report in Markdown to the summary of the step of a "
    "GitHub job",
    "--flow-repro-keep": "keep the working directories, and print their path",
}

REPORTS = {
    "json": "JSON",
    "md": "Markdown",
    "html": "HTML",
    "sarif": "SARIF, for GitHub code scanning",
    "gitlab": "JSON of GitLab's code quality",
}
"""The report formats, by the suffix of their option, with the name for its help."""


def pytest_addoption(parser: pytest.Parser) -> None:
    # Without defaults: options that are not given are None or False.
    group = parser.getgroup("flow-repro", "reproducibility of Metaflow flows")
    for option, text in _HELP.items():
        group.addoption(option, action="store_true", help=text)
    group.addoption(
        "--flow-repro-installer",
        choices=("uv", "pip-tools"),
        help="tool that locks and installs requirements (default: uv)",
    )
    group.addoption(
        "--flow-repro-env",
        choices=("locked", "fresh"),
        help="environment to check or record in: the recorded lock (default), or a fresh "
        "resolution",
    )
    group.addoption(
        "--flow-repro-as-of",
        metavar="DATE",
        help="resolve as if it were DATE (YYYY-MM-DD), when recording and with "
        "--flow-repro-env=fresh",
    )
    group.addoption(
        "--flow-repro-timeout",
        metavar="SECONDS",
        type=float,
        help="limit for the rerun of one flow (default: `timeout` of the configuration, else 600)",
    )
    group.addoption(
        "--flow-repro-shard",
        metavar="K/N",
        help="check only part K of N of the selected flows; `flowrepro merge-reports` merges the "
        "JSON reports of the parts",
    )
    group.addoption(
        "--flow-repro-shard-times",
        metavar="PATH",
        help="split the flows into shards by their times in this JSON report (default: evenly)",
    )
    group.addoption(
        "--flow-repro-changed-since",
        metavar="REV",
        help="check only flows for which something in the repository differs from REV, such as "
        "`main`, or `main...` for the commit where HEAD left main",
    )
    for form, name in REPORTS.items():
        group.addoption(
            f"--flow-repro-{form}", metavar="PATH", help=f"write the report to PATH as {name}"
        )


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    # Also when switched off: pytest refuses a conftest.py with an unknown hook.
    from pytest_flowrepro.plugin import hookspecs  # noqa: PLC0415  pytest is imported by the caller

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.flow_repro:
        _check_options_alone(config)
    # Imported only when switched on: a session without the option costs nothing.
    else:
        from pytest_flowrepro.plugin.session_plugin import start_session  # noqa: PLC0415  see above

        start_session(config)


def _check_options_alone(config: pytest.Config) -> None:
    """Raise `pytest.UsageError` for options that would silently have no effect."""
    options = [
        f"--{name.replace('_', '-')}"
        for name, value in vars(config.option).items()
        if name.startswith("flow_repro_") and value is not None and value is not False
    ]
    if options:
        import pytest  # noqa: PLC0415  the caller has imported it

        has = "has" if len(options) == 1 else "have"
        raise pytest.UsageError(
            f"{', '.join(options)} {has} no effect without --flow-repro: no flow is checked\n"
            f"What to do: add --flow-repro, or leave out {options[0]}"
        )
