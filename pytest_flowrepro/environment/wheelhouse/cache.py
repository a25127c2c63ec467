"""Downloaded wheels in the user's cache, deleted after long disuse by a cleanup.

A flow runs with the user's rights, so it can write to the cache. A file counts only if its hash is
in the lock, and the lock is in git. Unpacked wheels are not cached: they could only be compared
with a RECORD that was unpacked with them.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.wheelhouse.store import FolderStore, WheelStoreError, hash_like
from pytest_flowrepro.support.cache import mark_used, user_cache

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from pytest_flowrepro.environment.wheelhouse.store import StoredWheel


class WheelCache:
    """The wheels below one folder, laid out as in a wheelhouse: `sha256/<hash, in hex>/<name>`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._store = FolderStore(root)

    @classmethod
    def of_user(cls) -> WheelCache | None:
        """Return the cache of this user; None if it is not writable."""
        root = user_cache("wheels")
        return cls(root) if root is not None else None

    def find(self, hashes: Collection[str]) -> tuple[StoredWheel, ...]:
        """List the wheels that may be in the cache; `take` verifies their hashes."""
        return self._store.find(hashes, timeout=0)

    def take(self, wheels: Iterable[StoredWheel], folder: Path) -> frozenset[StoredWheel]:
        """Link the wheels that have their hash into `folder`, and return them.

        The others are deleted, so that they are downloaded again.
        """
        taken = set()
        for wheel in wheels:
            file = self._root / wheel.place
            mark_used(file.parent)
            try:
                if hash_like(wheel.hash, file) != wheel.hash:
                    file.unlink()
                    continue
            except OSError:
                continue
            self._store.fetch([wheel], folder, timeout=0)
            taken.add(wheel)
        return frozenset(taken)

    def keep(self, wheels: Mapping[StoredWheel, Path]) -> None:
        """Add these files where possible."""
        with contextlib.suppress(WheelStoreError):
            self._store.save(wheels, timeout=0)
