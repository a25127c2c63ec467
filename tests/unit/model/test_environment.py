from __future__ import annotations

import re

import pytest

from pytest_flowrepro.model import Interpreter


def test_an_interpreter_is_written_as_it_is_read() -> None:
    interpreter = Interpreter.parse("cpython 3.11.7")
    assert interpreter == Interpreter("cpython", "3.11.7")
    assert (str(interpreter), interpreter.minor) == ("cpython 3.11.7", "3.11")


@pytest.mark.parametrize("text", ["", "3.11.7", "cpython", "cpython ", " 3.11.7", "cpython  3.11"])
def test_a_text_that_names_no_interpreter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        Interpreter.parse(text)
