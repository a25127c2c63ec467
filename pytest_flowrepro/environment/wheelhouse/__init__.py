"""Wheels kept for later: the project's wheelhouse, its stores, and the user's cache."""
