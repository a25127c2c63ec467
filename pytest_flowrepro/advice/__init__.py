"""Advice on failures: their cause, read from output and tracebacks, and the lines to add."""
