from __future__ import annotations

import subprocess

import pytest

from tests.architecture.sources import ROOT

# Lock files hold the download addresses of one machine; databases and caches are what runs leave.
UNWANTED = (
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "package-lock.json",
    ".env",
    ".coverage",
    ".DS_Store",
)
UNWANTED_ENDINGS = (".db", ".db-wal", ".db-shm", ".sqlite3", ".pyc", ".whl", ".log", ".orig")
UNWANTED_FOLDERS = (".venv", "dist", "build", "__pycache__", "node_modules", "htmlcov")


def is_unwanted(path: str) -> bool:
    """Tell whether a path does not belong into the repository."""
    *folders, name = path.split("/")
    return (
        name in UNWANTED
        or name.endswith(UNWANTED_ENDINGS)
        or any(folder in UNWANTED_FOLDERS or folder.endswith(".egg-info") for folder in folders)
    )


def listed() -> list[str]:
    """Return what git tracks, or what is left of the folder where there is no git (an sdist)."""
    if not (ROOT / ".git").exists():
        return []
    answer = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return answer.stdout.splitlines()


def test_the_repository_holds_sources_only() -> None:
    """No lock file, database, cache or build is committed."""
    assert [path for path in listed() if is_unwanted(path)] == []


@pytest.mark.parametrize("path", ["uv.lock", "soniq.db", "src/x/__pycache__/a.pyc", ".venv/x"])
def test_tracks_are_told_from_sources(path: str) -> None:
    """The check can fail: what runs leave behind is found."""
    assert is_unwanted(path)


def test_sources_are_no_tracks() -> None:
    """Source files, statements and pages pass."""
    assert not any(map(is_unwanted, ["src/soniq/app.py", "README.md", "docs/tutorial.md"]))
