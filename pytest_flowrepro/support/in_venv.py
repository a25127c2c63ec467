"""Where the scripts are that the flow's own interpreter runs."""

from __future__ import annotations

from pathlib import Path

IN_VENV = Path(__file__).parents[1] / "in_venv"
"""They are run by path, and nothing here imports them."""
