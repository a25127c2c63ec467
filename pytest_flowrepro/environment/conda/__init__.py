"""Environments of conda packages: prefixes, and packages from PyPI that are added to them."""
