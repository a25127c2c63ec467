from __future__ import annotations

from typing import cast

import pytest

from pytest_flowrepro.plugin.items import NotReproducedError, PartItem


def test_the_words_of_a_step_that_failed_are_shown_inert() -> None:
    with pytest.raises(NotReproducedError) as caught:
        raise NotReproducedError("ValueError: \x1b[31m\n::error::owned")
    shown = PartItem.repr_failure(cast("PartItem", None), caught)
    assert "ValueError" in shown
    assert "\x1b[31m" not in shown
    assert "\n::error" not in shown
    assert "owned" in shown
