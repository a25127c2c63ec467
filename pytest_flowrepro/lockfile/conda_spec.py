"""The conda requirements of a step: match specs and channels. Pure.

They are those that Metaflow gives to micromamba (metaflow/plugins/pypi/micromamba.py `solve`,
metaflow/plugins/pypi/conda_environment.py `get_environment`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.model import CondaSpec
from pytest_flowrepro.support.redaction import without_conda_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PINS = {"requests": ">=2.21.0"}
"""metaflow/metaflow_config.py `get_pinned_conda_libs`, for the local datastore."""

_SUPERFLUOUS_EQUALS = re.compile(r"==(?=[<=>!~])")

_DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
_ALIAS = "https://conda.anaconda.org"


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaRequirements:
    specs: tuple[CondaSpec, ...]
    """Sorted; each channel is a URL: `python==3.11.7`, `https://.../conda-forge::six>=1.15`."""
    channels: tuple[str, ...]
    """URLs, the first has the highest priority; they may have credentials."""
    source: str
    """The place of their declaration, for messages: `step train (@conda)`."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Return the specs for a manifest, without credentials."""
        return tuple(without_conda_credentials(str(spec)) for spec in self.specs)


def step_specs(packages: Mapping[str, str], *, python: str) -> tuple[CondaSpec, ...]:
    """Return the specs of `@conda(packages=..., python=...)`, with Metaflow's own pins.

    A package's name may start with its channel, `conda-forge::six`.
    """
    versioned = (_versioned(*package) for package in {**_PINS, **packages}.items())
    return tuple(map(CondaSpec.parse, (*_python_specs(python), *versioned)))


def conda_requirements(
    specs: Iterable[CondaSpec], *, channels: Iterable[str], source: str
) -> CondaRequirements:
    """Return the requirements of an environment.yml or a step, and a Python in any case.

    `channels` are names or URLs; the default is conda-forge, as in
    Metaflow. A channel that only a package names comes last.
    """
    declared = tuple(specs)
    python = () if any(spec.name == "python" for spec in declared) else (CondaSpec("python"),)
    urls = _channel_urls(channels, (spec.channel for spec in declared if spec.channel))
    return CondaRequirements(
        specs=tuple(sorted({*python, *(_at_channel(spec, urls) for spec in declared)}, key=str)),
        channels=urls,
        source=source,
    )


def channels_from(configured: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the channels of the configuration, else those of CONDA_CHANNELS.

    The variable is read as micromamba reads it.
    """
    names = environ.get("CONDA_CHANNELS", "").split(",")
    return tuple(configured) or tuple(name.strip() for name in names if name.strip())


def _channel_urls(general: Iterable[str], named: Iterable[str]) -> tuple[str, ...]:
    """Return the URLs of the `general` channels or conda-forge's, then those that packages name."""
    names = tuple(general) or ("conda-forge",)
    urls = {without_conda_credentials(url): url for name in names for url in _urls(name)}
    for url in (url for name in named for url in _urls(name)):
        urls.setdefault(without_conda_credentials(url), url)
    return tuple(urls.values())


def _versioned(name: str, version: str) -> str:
    return _SUPERFLUOUS_EQUALS.sub("", f"{name}=={version}") if version else name


def _at_channel(spec: CondaSpec, channels: Iterable[str]) -> CondaSpec:
    """Return the spec with its channel's name replaced by the URL."""
    if spec.channel is None:
        return spec
    url = _urls(spec.channel)[0]
    urls = {without_conda_credentials(channel): channel for channel in channels}
    return replace(spec, channel=urls.get(without_conda_credentials(url), url))


def _python_specs(python: str) -> tuple[str, ...]:
    if python.endswith("t"):  # the free-threaded build
        return (f"python=={python[:-1]}", "python-freethreading")
    return (f"python=={python}",)


def _urls(channel: str) -> tuple[str, ...]:
    channel = channel.rstrip("/")
    if channel == "defaults":
        return _DEFAULTS
    return (channel if "://" in channel else f"{_ALIAS}/{channel}",)
