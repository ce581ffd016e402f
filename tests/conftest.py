"""What every test starts from."""

from __future__ import annotations

import os

import pytest

# Before Django reads its settings: a test never runs as a production installation.
os.environ.setdefault("KPI_ENV", "test")

# Folders whose tests share something costly, such as a loaded sample or running servers.
SHARING = ("architecture", "journeys", "running", "samples")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a sharing folder, and those of any other file, together on one worker."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(folder if folder in SHARING else item.path.name))
