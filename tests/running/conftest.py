"""One running demo for the tests of this folder: loading the sample organisation takes most of the time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running.starting import Demo, temporary_folder


@pytest.fixture(scope="package")
def one_demo() -> Iterator[Demo]:
    with temporary_folder() as folder:
        demo = Demo(folder / "home")
        yield demo
        if demo.process and not demo.ended():
            demo.stop()


@pytest.fixture
def demo(one_demo: Demo) -> Demo:
    one_demo.ensure_running()
    return one_demo
