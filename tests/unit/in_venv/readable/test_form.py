"""The work that a readable form takes; what it is, is tested with the digest."""

from __future__ import annotations

from typing import Any

import pytest

from _flowrepro.canonical import encoder as canonical
from _flowrepro.readable import form


class Person:
    def __init__(self, name: int) -> None:
        self.name = name
        self.friends: set[Person] = set()


def friends(count: int) -> list[Person]:
    """Each knows four others; by that, each of them is met by thousands of paths."""
    people = [Person(name) for name in range(count)]
    for place, person in enumerate(people):
        person.friends = {people[(place + step) % count] for step in (-3, -1, 1, 3)}
    return people


def test_what_sets_refer_to_again_and_again_is_encoded_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[Any] = []

    def noted(value: object) -> bytes:
        looked.append(value)
        return canonical.encoded(value)

    monkeypatch.setattr(form, "encoded", noted)
    people = friends(8)
    form.readable(people, 4_000)
    assert sorted(person.name for person in looked) == list(range(8))


@pytest.mark.slow
def test_forms_that_are_kept_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    people = friends(6)
    expected = form.readable(people, 4_000)
    monkeypatch.setattr(form, "_KEPT", 0)
    assert form.readable(people, 4_000) == expected
