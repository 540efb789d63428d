"""What the chaos tests share: a zygote, and databases for processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.zygote import Zygote

FOLDER = Path(__file__).parent
PATIENCE = 480  # seconds for a test; each scenario has limits of its own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time than others."""
    for item in items:
        if FOLDER in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """A process that forks workers; all of them end with it."""
    log = tmp_path_factory.mktemp("zygote") / "log"
    made = Zygote(log)
    yield made
    made.close()
    assert not log.read_text(), "the zygote has said something"


@pytest.fixture(params=["postgres", "sqlite"])
def store(request: pytest.FixtureRequest) -> str:
    """``postgres`` and ``sqlite``: a test that asks for it runs twice."""
    kind: str = request.param
    return kind


@pytest.fixture
def store_url(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of this test's database."""
    if store == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path}/jobs.db"
