"""The folder of the scripts that the flow's own interpreter runs."""

from __future__ import annotations

from pathlib import Path

IN_VENV = Path(__file__).parents[1] / "in_venv"
"""The folder; its scripts are run by path, and never imported here."""
