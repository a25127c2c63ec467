"""How uv, pip and rattler are called: their settings, their words when they fail."""
