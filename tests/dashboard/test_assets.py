"""The files that pages load, and how they get into a wheel."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import hatch_build
from soniq.dashboard import assets
from soniq.dashboard.render import environment
from tests.support.dashboard import asking, dashboard_app

ROOT = Path(__file__).parents[2]
LARGEST = 60 * 1024
LARGEST_SCRIPT = 6656


@pytest.fixture
def fresh() -> Iterator[None]:
    """The list of files is made anew, within the test and after it."""
    made = (assets.manifest, assets.served, environment)
    for cached in made:
        cached.cache_clear()
    yield
    for cached in made:
        cached.cache_clear()


# --- serving --------------------------------------------------------------------------------------


async def test_files_are_kept_forever_under_names_of_their_content() -> None:
    """Every file is served compressed and plain, with its type, and need not be asked for again."""
    async with asking(dashboard_app()) as client:
        for file, asset in assets.manifest().items():
            answer = await client.get(f"/static/{assets.hashed(file)}")
            assert answer.status_code == 200
            assert answer.content == (assets.FOLDER / file).read_bytes()
            assert answer.headers["content-encoding"] == "gzip"
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["vary"] == "Accept-Encoding"
            assert answer.headers["content-type"] == assets.MEDIA_TYPES[Path(file).suffix]
            digest = hashlib.sha256(asset.body).hexdigest()
            assert digest[:12] in assets.hashed(file)


async def test_who_takes_no_gzip_gets_the_file_as_it_is() -> None:
    """Also who says so by a weight of zero."""
    address = f"/static/{assets.hashed('soniq.css')}"
    async with asking(dashboard_app()) as client:
        for offer in ("identity", "gzip;q=0", "br, gzip; q=0.0"):
            answer = await client.get(address, headers={"accept-encoding": offer})
            assert "content-encoding" not in answer.headers
            assert answer.content == assets.manifest()["soniq.css"].body
        weighted = await client.get(address, headers={"accept-encoding": "br;q=1, gzip;q=0.5"})
        assert weighted.headers["content-encoding"] == "gzip"


async def test_who_has_a_file_is_told_so() -> None:
    """A known ETag is answered without a body."""
    async with asking(dashboard_app()) as client:
        address = f"/static/{assets.hashed('soniq.js')}"
        etag = (await client.get(address)).headers["etag"]
        again = await client.get(address, headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "soniq.css",
        "../assets.py",
        "..%2f..%2fassets.py",
        "%2e%2e/assets.py",
        "....//assets.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "vendor/htmx.min.js",
        "vendor/../../app.py",
        "soniq.css%00.svg",
        "",
    ],
)
async def test_nothing_else_is_served(path: str) -> None:
    """Only names of the list lead anywhere, whatever lies on the disk."""
    async with asking(dashboard_app()) as client:
        answer = await client.get(f"/static/{path}")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers["cache-control"]


# --- what they weigh, and what they do not do -----------------------------------------------------


def test_all_files_together_are_small() -> None:
    """Whoever opens the dashboard loads 60 KB at most; our script has 6.5 KB unpacked."""
    assert sum(len(asset.gzipped) for asset in assets.manifest().values()) <= LARGEST
    assert len(assets.manifest()["soniq.js"].body) <= LARGEST_SCRIPT
    assert all(gzip.decompress(one.gzipped) == one.body for one in assets.manifest().values())


@pytest.mark.parametrize("file", assets.OWN)
def test_our_own_files_ask_nobody_else(file: str) -> None:
    """No address of another host, nothing that turns text into code or markup."""
    text = (assets.FOLDER / file).read_text()
    known = text.replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|//[a-z0-9-]+\.[a-z]|@import|url\(", known) == []
    assert re.findall(r"\beval\b|new Function|innerHTML|document\.write|insertAdjacent", text) == []


def test_templates_hold_no_code_and_no_style() -> None:
    """What the policy of the dashboard forbids is nowhere: inline scripts, handlers, styles."""
    for path in (ROOT / "src/soniq/dashboard/templates").rglob("*.html"):
        text = path.read_text()
        found = re.findall(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=|javascript:", text)
        assert found == [], path
        assert "|safe" not in text, path
        assert re.findall(r"https?://", text) == [], path


# --- without the files of others ------------------------------------------------------------------


@pytest.mark.usefixtures("fresh")
async def test_pages_work_without_the_files_of_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """They are left out of the page, and the log says once what that means."""
    for file in assets.OWN:
        shutil.copy(assets.FOLDER / file, tmp_path / file)
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    with caplog.at_level(logging.WARNING, "soniq.dashboard"):
        async with asking(dashboard_app()) as client:
            pages = [await client.get(path) for path in ("/", "/queues")]
    for page in pages:
        assert page.status_code == 200
        assert "htmx.min" not in page.text
        assert "uPlot" not in page.text
        assert "sse:connect" not in page.text
    [message] = [r.getMessage() for r in caplog.records if "built without" in r.getMessage()]
    assert "htmx.min.js" in message
    assert "uv sync" in message


# --- how they get into a wheel --------------------------------------------------------------------


def archive(folder: Path, package: str, contents: dict[str, bytes]) -> Path:
    """Write an archive as npm would."""
    path = folder / f"{package}.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for member, content in contents.items():
            info = tarfile.TarInfo(f"package/{member}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_a_build_without_npm_says_what_is_missing(tmp_path: Path) -> None:
    """Nothing is fetched, nothing is left behind."""
    with pytest.raises(hatch_build.Unavailable, match="npm is not installed"):
        hatch_build.fetch(tmp_path / "vendor", None)
    assert not (tmp_path / "vendor").exists()


def test_an_npm_that_fails_is_told(tmp_path: Path) -> None:
    """No network, no npm that runs: the same."""
    with pytest.raises(hatch_build.Unavailable, match="failed"):
        hatch_build.fetch(tmp_path / "vendor", shutil.which("false"))


def test_other_files_than_expected_end_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that hashes to something else, or is not there, gets into no wheel."""

    def pack(package: str, place: Path, npm: str) -> Path:
        return archive(place, package, {"dist/htmx.min.js": b"something else"})

    monkeypatch.setattr(hatch_build, "pack", pack)
    with pytest.raises(ValueError, match=r"dist/htmx\.min\.js of htmx\.org@"):
        hatch_build.fetch(tmp_path / "vendor", "npm")
    assert not (tmp_path / "vendor").exists()


def test_files_that_are_right_are_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are put where they belong; with them in place npm is not asked again."""
    contents = {file: f"content of {file.name}".encode() for file in hatch_build.FILES}
    right = tuple(
        file._replace(sha256=hashlib.sha256(content).hexdigest())
        for file, content in contents.items()
    )
    asked: list[str] = []

    def pack(package: str, place: Path, npm: str) -> Path:
        asked.append(package)
        of_it = {f.member: content for f, content in contents.items() if f.package == package}
        return archive(place, package, of_it)

    monkeypatch.setattr(hatch_build, "FILES", right)
    monkeypatch.setattr(hatch_build, "pack", pack)
    folder = tmp_path / "vendor"
    hatch_build.fetch(folder, "npm")
    hatch_build.fetch(folder, None)
    assert asked == [hatch_build.HTMX, hatch_build.UPLOT]
    assert {path.name for path in folder.iterdir()} == {file.name for file in right}


def test_the_list_of_files_is_the_same_on_both_sides() -> None:
    """What the hook fetches is what pages ask for, and the licences."""
    fetched = {f"vendor/{file.name}" for file in hatch_build.FILES if "LICENSE" not in file.name}
    assert fetched == set(assets.VENDOR)
    assert (ROOT / hatch_build.VENDOR).parent == assets.FOLDER


def test_a_wheel_is_built_without_npm(tmp_path: Path) -> None:
    """It holds the pages, and the build says what it lacks."""
    tree = tmp_path / "tree"
    skipped = shutil.ignore_patterns("vendor", "__pycache__")
    shutil.copytree(ROOT / "src", tree / "src", ignore=skipped)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    answer = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=tree,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "without live updates and charts: npm is not installed" in answer.stdout + answer.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "soniq/dashboard/static/soniq.css" in names
    assert "soniq/dashboard/templates/layout.html" in names
    assert not [name for name in names if "vendor" in name]
