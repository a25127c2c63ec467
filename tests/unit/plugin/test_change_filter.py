"""With pluggy itself, and plugins as a project may have them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pluggy
import pytest
from flow_reports import CODE, SCORE

from pytest_flowrepro.plugin import hookspecs
from pytest_flowrepro.plugin.change_filter import ChangeFilter
from pytest_flowrepro.support.errors import HookError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_flowrepro import Change

ROOT = Path("/project")
NAME = "pytest_flowrepro_accept_change"


class Manager(pluggy.PluginManager):
    """Takes hooks by their prefix, as pytest's own does."""

    def parse_hookimpl_opts(self, _: object, name: str) -> Any:
        options = {"wrapper": False, "hookwrapper": False, "optionalhook": False}
        order = {"tryfirst": False, "trylast": False, "specname": None}
        return {**options, **order} if name == NAME else None

    def parse_hookspec_opts(self, _: object, name: str) -> Any:
        return {"firstresult": True, "historic": False} if name == NAME else None


def filtering(**plugins: Callable[..., object]) -> ChangeFilter:
    """By the plugins' names; they are registered in that order, and asked the last one first."""
    manager = Manager("pytest")
    manager.add_hookspecs(hookspecs)
    for name, hook in plugins.items():
        module = ModuleType(name)
        setattr(module, NAME, hook)
        manager.register(module, name)
    return asking(manager)


def asking(manager: pluggy.PluginManager) -> ChangeFilter:
    config = cast("pytest.Config", SimpleNamespace(pluginmanager=manager))
    hook = getattr(manager.hook, NAME)
    return ChangeFilter(hook=hook, flow="TrainFlow@small", config=config, root=ROOT)


def test_without_a_plugin_every_change_is_as_it_was() -> None:
    assert filtering().apply((SCORE, CODE)) == (SCORE, CODE)


def test_an_accepted_change_is_shown_as_that_and_no_longer_gated() -> None:
    asked: list[tuple[Change, str]] = []

    def hook(change: Change, flow: str) -> bool:
        asked.append((change, flow))
        return change.name == "score"

    loss = replace(SCORE, name="loss")
    accepted, refused, code = filtering(tolerant=hook).apply((SCORE, loss, CODE))
    assert accepted == replace(SCORE, gated=False, accepted_by="tolerant")
    assert (refused, code) == (loss, CODE)
    assert asked == [(SCORE, "TrainFlow@small"), (loss, "TrainFlow@small")], "gated ones only"


@pytest.mark.parametrize(
    ("answers", "accepted_by"),
    [
        ({"a": True}, "a"),
        ({"a": False}, None),
        ({"a": None}, None),
        ({"a": True, "b": None}, "a"),
        ({"a": True, "b": False}, None),
        ({"a": False, "b": True}, "b"),
        ({"a": True, "b": True}, "b"),
    ],
)
def test_the_first_that_answers_decides(
    answers: dict[str, bool | None], accepted_by: str | None
) -> None:
    hooks = {name: lambda answer=answer: answer for name, answer in answers.items()}
    (change,) = filtering(**hooks).apply((SCORE,))
    assert (change.accepted_by, change.gated) == (accepted_by, accepted_by is None)


def test_a_conftest_is_named_by_its_place_in_the_project() -> None:
    path = str(ROOT / "flows" / "conftest.py")
    (change,) = filtering(**{path: lambda: True}).apply((SCORE,))
    assert change.accepted_by == "flows/conftest.py"


def test_only_the_plugins_that_pytest_has_for_a_test_are_asked() -> None:
    whole = filtering(here=lambda: None, elsewhere=lambda: True)
    elsewhere = whole.config.pluginmanager.get_plugin("elsewhere")
    narrow = replace(whole, hook=whole.config.pluginmanager.subset_hook_caller(NAME, [elsewhere]))
    assert narrow.apply((SCORE,)) == (SCORE,)


def fails(change: Change) -> bool:
    return bool(change.old["auc"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("hook", "error"),
    [
        (fails, f"strict: {NAME} raised TypeError: string indices must be integers, not 'str'"),
        (lambda: 1, f"strict: {NAME} returned 1"),
        (lambda: "yes", f"strict: {NAME} returned 'yes'"),
    ],
)
def test_a_hook_that_breaks_is_an_error_that_names_it(
    hook: Callable[..., object], error: str
) -> None:
    with pytest.raises(HookError) as caught:
        filtering(strict=hook).apply((SCORE,))
    assert caught.value.what == error


def test_its_traceback_begins_in_the_plugin() -> None:
    with pytest.raises(HookError) as caught:
        filtering(strict=fails).apply((SCORE,))
    assert caught.value.hint == "fix the hook; it was called with the change of train[0, 3].score"
    assert caught.value.detail.count("File ") == 1
    assert 'change.old["auc"]' in caught.value.detail
