"""Two sides of a comparison, key by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

K = TypeVar("K")
T = TypeVar("T")


def paired(old: Mapping[K, T], new: Mapping[K, T]) -> Iterator[tuple[K, T | None, T | None]]:
    """Yield every key with both its values: the old ones in their order, then the new ones."""
    for key in dict.fromkeys((*old, *new)):
        yield key, old.get(key), new.get(key)


def change_of(old: object, new: object) -> Literal["added", "removed", "changed"]:
    if old is None:
        return "added"
    return "removed" if new is None else "changed"
