"""The hook that a conftest.py or a plugin may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_flowrepro import Change


@pytest.hookspec(firstresult=True)
def pytest_flowrepro_accept_change(change: Change, flow: str, config: pytest.Config) -> bool | None:
    """Return whether a difference between a flow and its baseline is accepted.

    Called in a check for each change that would make a test fail, in the process that runs that
    test. True: the change stays in every report, as accepted by the plugin that returned it, and
    no test fails for it. False: it counts, and no other plugin is called. None: the next plugin is
    called.

    :param change: The difference, a frozen value (docs/reference/hooks.md lists its fields).
    :param flow: The name of the flow's class, with that of its case: `TrainFlow@small`.
    :param config: The configuration of the session.
    """
