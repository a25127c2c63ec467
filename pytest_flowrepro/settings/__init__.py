"""The configuration: from pyproject.toml to frozen settings."""
