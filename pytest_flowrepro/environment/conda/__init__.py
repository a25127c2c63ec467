"""Environments of conda packages: prefixes, and what PyPI adds to them."""
