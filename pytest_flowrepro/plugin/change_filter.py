"""Acceptance of changes by hooks of the project's own plugins (hookspecs.py)."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.report.text import label
from pytest_flowrepro.support.errors import HookError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest
    from pluggy import HookCaller, HookImpl

    from pytest_flowrepro.model import Change


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeFilter:
    """The plugins that apply to one test, and their arguments other than the change."""

    hook: HookCaller
    flow: str
    """The title of the flow: `TrainFlow@small`."""
    config: pytest.Config
    root: Path
    """The folder that paths of conftest.py files are relative to."""

    def apply(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        """Return the changes; gated ones that a plugin accepts are not gated any more.

        Raises `HookError` for a plugin that raises, or that returns neither True, False nor None.
        """
        # Called one by one, in pluggy's order: a common call would not show which one answered.
        implementations = [hook for hook in reversed(self.hook.get_hookimpls()) if not hook.wrapper]
        hooks = [(hook, self._caller_of(hook)) for hook in implementations]
        return tuple(
            self._apply_hooks(change, hooks) if hooks and change.gated else change
            for change in changes
        )

    def _caller_of(self, implementation: HookImpl) -> HookCaller:
        """Return a caller that calls this implementation alone."""
        # Among all implementations: `hook` may lack the conftest.py files of other folders.
        every = getattr(self.config.pluginmanager.hook, self.hook.name).get_hookimpls()
        other_plugins = [hook.plugin for hook in every if hook.plugin is not implementation.plugin]
        return self.config.pluginmanager.subset_hook_caller(self.hook.name, other_plugins)

    def _apply_hooks(self, change: Change, hooks: list[tuple[HookImpl, HookCaller]]) -> Change:
        for implementation, call in hooks:
            try:
                answer = call(change=change, flow=self.flow, config=self.config)
            except Exception as error:
                raise HookError(
                    f"{self._plugin_name(implementation)}: {self.hook.name} raised "
                    f"{type(error).__name__}: {error}",
                    hint=f"fix the hook; it was called with the change of {label(change)}",
                    detail=_own_frames(error, implementation),
                ) from error
            if answer is not None and not isinstance(answer, bool):
                raise HookError(
                    f"{self._plugin_name(implementation)}: {self.hook.name} returned "
                    f"{answer!r:.100}",
                    hint="return True to accept the change, False to refuse it, None to leave it "
                    "to others",
                )
            if answer is not None:
                who = self._plugin_name(implementation)
                return replace(change, gated=False, accepted_by=who) if answer else change
        return change

    def _plugin_name(self, implementation: HookImpl) -> str:
        """Return `tests/conftest.py`, which pytest registers by its path, or the plugin's name."""
        path = Path(implementation.plugin_name)
        if path.is_absolute() and path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return implementation.plugin_name


def _own_frames(error: Exception, implementation: HookImpl) -> str:
    """Return the traceback, from the plugin's own code on."""
    frames = traceback.extract_tb(error.__traceback__)
    file = implementation.function.__code__.co_filename
    first = next((at for at, frame in enumerate(frames) if frame.filename == file), -1)
    return "".join(traceback.format_list(frames[first:]))[-2000:]
