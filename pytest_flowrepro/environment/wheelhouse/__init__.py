"""Wheels kept for later: the project's wheelhouse, its stores, and the cache of this machine."""
