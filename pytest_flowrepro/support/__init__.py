"""Helpers without knowledge of flows: files, processes, JSON, text, secrets, caches, processors."""
