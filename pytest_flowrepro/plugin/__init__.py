"""The options, and nothing more until `--flow-repro` switches the rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_HELP = {
    "--flow-repro": "check that Metaflow flows can be rebuilt, rerun and give the same results",
    "--flow-repro-update": "record what is observed as the new baselines, then commit them",
    "--flow-repro-update-new": "record only the flows that have no baseline yet",
    "--flow-repro-details": "leave no change out, and tell what flows write where they run",
    "--flow-repro-keep": "keep the working directories, and print where they are",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    # Without defaults: what is not given is None or False.
    group = parser.getgroup("flow-repro", "reproducibility of Metaflow flows")
    for option, text in _HELP.items():
        group.addoption(option, action="store_true", help=text)
    group.addoption(
        "--flow-repro-installer",
        choices=("uv", "pip-tools"),
        help="what resolves and installs the flows' requirements (default: uv)",
    )
    group.addoption(
        "--flow-repro-env",
        choices=("locked", "fresh"),
        help="check in the recorded environment (default), or in one that is resolved anew",
    )
    group.addoption(
        "--flow-repro-as-of",
        metavar="DATE",
        help="when recording, and with fresh, resolve as of that day (YYYY-MM-DD)",
    )
    group.addoption(
        "--flow-repro-timeout",
        metavar="SECONDS",
        type=float,
        help="for one flow's rerun (default: the configuration's `timeout`, else 600)",
    )
    for form in ("json", "md", "html"):
        group.addoption(
            f"--flow-repro-{form}", metavar="PATH", help=f"write the report as {form} to PATH"
        )


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    # Also when it is switched off: pytest refuses a conftest.py with a hook that it does not know.
    from pytest_flowrepro.plugin import hookspecs  # noqa: PLC0415  pytest is imported by whoever calls

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.flow_repro:
        _refuse_options_alone(config)
    # Imported only when it is switched on: a session without the option pays for nothing.
    else:
        from pytest_flowrepro.plugin.session_plugin import FlowReproPlugin  # noqa: PLC0415  see above

        config.pluginmanager.register(FlowReproPlugin.of(config), "flowrepro-session")


def _refuse_options_alone(config: pytest.Config) -> None:
    """Raise `pytest.UsageError` for options that would silently have no effect."""
    given = [
        f"--{name.replace('_', '-')}"
        for name, value in vars(config.option).items()
        if name.startswith("flow_repro_") and value is not None and value is not False
    ]
    if given:
        import pytest  # noqa: PLC0415  whoever calls has imported it

        has = "has" if len(given) == 1 else "have"
        raise pytest.UsageError(
            f"{', '.join(given)} {has} no effect without --flow-repro: no flow is checked\n"
            f"What to do: add --flow-repro, or leave out {given[0]}"
        )
