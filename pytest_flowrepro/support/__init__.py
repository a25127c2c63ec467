"""Helpers that know nothing of flows: files, processes, JSON, text, secrets, caches, processors."""
