"""The configuration: reading of pyproject.toml into frozen settings."""
