"""Flows and imports, found in source files; nothing is run."""
