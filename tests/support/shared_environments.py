"""A plugin for sessions in processes of their own: environments lie where those of others do.

pytest -p shared_environments, with this folder on PYTHONPATH and TESTS_ENVIRONMENTS set
"""

from __future__ import annotations

import os
from pathlib import Path

from pytest_flowrepro.plugin.worker_store import SessionFolder

setattr(SessionFolder, "environments", Path(os.environ["TESTS_ENVIRONMENTS"]))  # noqa: B010
