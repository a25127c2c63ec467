"""Calls of uv, pip and rattler: their settings and their error messages."""
