"""One running demo for the tests of this folder: loading the sample organisation takes most of the time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running.starting import Demo, temporary_folder


@pytest.fixture(scope="package", autouse=True)
def one_demo(request: pytest.FixtureRequest) -> Iterator[Demo]:
    """Start the demo beside the tests of the other files, if a test will ask for it."""
    with temporary_folder() as folder:
        demo = Demo(folder / "home")
        if any("demo" in item.fixturenames for item in request.session.items):
            demo.begin()
        yield demo
        if not demo.ended():
            demo.stop()


@pytest.fixture
def demo(one_demo: Demo) -> Demo:
    """Give the demo, ready; one that an earlier test has ended is started again."""
    one_demo.ensure_running()
    return one_demo
