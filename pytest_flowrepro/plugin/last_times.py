"""The seconds of each stage in the last session of each flow, in the cache of pytest."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.report.text import title

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

    from pytest_flowrepro.model import FlowReport
    from pytest_flowrepro.plugin.options import Update


@dataclass(frozen=True, slots=True)
class LastTimes:
    """The seconds that stages took; empty without a cache."""

    seconds: Mapping[str, Any] = field(default_factory=dict)
    """Flow -> stage -> seconds; not checked: the file may have been edited."""

    @classmethod
    def read(cls, config: pytest.Config, update: Update) -> LastTimes:
        cache = getattr(config, "cache", None)  # with `-p no:cacheprovider` there is none
        seconds = cache.get(_key(update), None) if cache is not None else None
        return cls(seconds if isinstance(seconds, dict) else {})

    def expected(self, flow: str, stage: str) -> float | None:
        """Return the seconds that a stage of a flow took; None if they are not known.

        `flow` is `flows/train.py::TrainFlow@small`.
        """
        spent = self.stages(flow).get(stage)
        return spent if isinstance(spent, int | float) else None

    def stages(self, flow: str) -> Mapping[str, Any]:
        """Return the seconds of all known stages of a flow."""
        stages = self.seconds.get(flow)
        return stages if isinstance(stages, dict) else {}


def keep_times(config: pytest.Config, update: Update, flows: Iterable[FlowReport]) -> None:
    """Keep the seconds of the stages that ran; those of other stages and flows stay."""
    cache = getattr(config, "cache", None)
    # A stage of a flow that failed may have ended early.
    timed = [flow for flow in flows if flow.seconds and flow.verdict != "error"]
    if cache is None or not timed:
        return
    last = LastTimes.read(config, update)
    seconds = {title(flow): {**last.stages(title(flow)), **dict(flow.seconds)} for flow in timed}
    with warnings.catch_warnings():
        # pytest itself warns of a folder that cannot be written.
        warnings.simplefilter("ignore")
        cache.set(_key(update), {**last.seconds, **seconds})


def _key(update: Update) -> str:
    """Return the key in the cache: a recording reruns a flow several times."""
    return f"flowrepro/seconds-of-{'checks' if update == 'no' else 'recordings'}"
