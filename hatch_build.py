"""Fetch from npm, when a wheel is built, what the dashboard's pages load: htmx and uPlot.

They are not in the repository. Where npm or the network is missing the wheel is built without
them, and the dashboard shows its pages without live updates and charts. Which bytes get into a
wheel does not depend on the day: every file has to have the hash that stands here.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = "src/soniq/dashboard/static/vendor"
SECONDS = 60
HTMX = "htmx.org@4.0.1"
UPLOT = "uplot@1.6.32"


class File(NamedTuple):
    """A file of an npm package, the name that it gets here, and what it has to hash to."""

    package: str
    member: str
    name: str
    sha256: str


FILES = (
    File(
        HTMX,
        "dist/htmx.min.js",
        "htmx.min.js",
        "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    ),
    File(
        HTMX,
        "dist/ext/hx-sse.min.js",
        "hx-sse.min.js",
        "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
    ),
    File(
        HTMX,
        "LICENSE",
        "htmx.LICENSE.txt",
        "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
    ),
    File(
        UPLOT,
        "dist/uPlot.iife.min.js",
        "uPlot.iife.min.js",
        "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    ),
    File(
        UPLOT,
        "dist/uPlot.min.css",
        "uPlot.min.css",
        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    ),
    File(
        UPLOT,
        "LICENSE",
        "uPlot.LICENSE.txt",
        "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    ),
)


class Unavailable(Exception):
    """npm is not there, or could not fetch a package."""


class VendorHook(BuildHookInterface[Any]):
    """Puts the files beside the dashboard's own; git ignores them, the wheel takes them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Fetch what is missing before a wheel is built, also one that only points here."""
        if self.target_name != "wheel":
            return
        folder = Path(self.root) / VENDOR
        try:
            fetch(folder, shutil.which("npm"))
        except Unavailable as error:
            self.app.display_warning(f"The dashboard goes without live updates and charts: {error}")
        else:
            build_data["artifacts"].append(f"/{VENDOR}/*")


def fetch(folder: Path, npm: str | None) -> None:
    """Put all files into a folder, unless they are there already.

    Raises:
        Unavailable: npm is None, or fails.
        ValueError: a file is not what it has to be; nothing is put anywhere then.
    """
    if all(is_right(file, folder / file.name) for file in FILES):
        return
    if npm is None:
        message = "npm is not installed."
        raise Unavailable(message)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for package in (HTMX, UPLOT):
            unpack(pack(package, place, npm), package, place)
        wrong = [file for file in FILES if not is_right(file, place / file.name)]
        if wrong:
            what = ", ".join(f"{file.member} of {file.package}" for file in wrong)
            message = f"npm gave something else than was expected: {what}."
            raise ValueError(message)
        folder.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            shutil.copyfile(place / file.name, folder / file.name)


def is_right(file: File, path: Path) -> bool:
    """Tell whether a file is there, and what it has to be."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def pack(package: str, place: Path, npm: str) -> Path:
    """Have npm download a package, which checks the registry's own hash; return the archive."""
    command = [npm, "pack", package, "--ignore-scripts", "--silent", "--fetch-retries=0"]
    try:
        answer = subprocess.run(  # noqa: S603 - the arguments stand here
            command, cwd=place, capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = f"`npm pack {package}` failed: {error}"
        raise Unavailable(message) from None
    return place / answer.stdout.strip().splitlines()[-1]


def unpack(archive: Path, package: str, place: Path) -> None:
    """Take the few files out of an archive that are wanted, each by its exact name."""
    with tarfile.open(archive) as tar:
        members = set(tar.getnames())
        for file in FILES:
            member = f"package/{file.member}"
            if file.package == package and member in members:
                taken = tar.extractfile(member)
                (place / file.name).write_bytes(taken.read() if taken else b"")
