"""The files that pages load: a fixed list, each under a name that changes with its content."""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

logger = logging.getLogger("soniq.dashboard")

FOLDER = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
OWN = ("soniq.css", "soniq.js", "icon.svg", "icon-failing.svg")
# What a wheel holds only where it could be fetched when the wheel was built; see hatch_build.py.
VENDOR = (
    "vendor/htmx.min.js",
    "vendor/hx-sse.min.js",
    "vendor/uPlot.iife.min.js",
    "vendor/uPlot.min.css",
)
# A year: longer is not allowed, and the name changes with the content.
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served: ``name`` ends in its hash, ``gzipped`` is the same, compressed."""

    name: str
    media_type: str
    body: bytes
    gzipped: bytes

    @property
    def etag(self) -> str:
        """What tells this content from any other."""
        return f'"{self.name}"'


@cache
def manifest() -> Mapping[str, Asset]:
    """Return all files that there are, by the names that templates use; read once.

    Says in the log what is missing, and what that means.
    """
    missing = [file for file in VENDOR if not (FOLDER / file).is_file()]
    if missing:
        logger.warning(
            "This installation of Soniq was built without %s: the dashboard's pages work, but "
            "do not update themselves and draw no charts. A wheel of Soniq has these files; a "
            "checkout gets them from npm, if there is one, by `uv sync --reinstall-package soniq`.",
            ", ".join(PurePosixPath(file).name for file in missing),
        )
    return {file: read(file) for file in (*OWN, *VENDOR) if file not in missing}


def read(file: str) -> Asset:
    """Read and compress one file."""
    path = PurePosixPath(file)
    body = (FOLDER / file).read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:12]
    return Asset(
        name=f"{path.stem}-{digest}{path.suffix}",
        media_type=MEDIA_TYPES[path.suffix],
        body=body,
        gzipped=gzip.compress(body, mtime=0),
    )


@cache
def served() -> Mapping[str, Asset]:
    """Return all files by the names under which they are asked for."""
    return {asset.name: asset for asset in manifest().values()}


def hashed(file: str) -> str:
    """Return the name under which a file is served; KeyError for one that is not there."""
    return manifest()[file].name


def shipped(file: str) -> bool:
    """Tell whether a file is there: those of others may not be."""
    return file in manifest()


async def static(request: Request) -> Response:
    """Serve a file of the list; anything else is not found, whatever lies on the disk."""
    asset = served().get(request.path_params["file"])
    if asset is None:
        return PlainTextResponse("There is no such file.\n", 404)
    headers = {"Cache-Control": FOREVER, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if not accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(asset.body, headers=headers, media_type=asset.media_type)
    headers["Content-Encoding"] = "gzip"
    return Response(asset.gzipped, headers=headers, media_type=asset.media_type)


def accepts_gzip(header: str) -> bool:
    """Tell whether a client takes gzip; ``gzip;q=0`` says that it does not."""
    for offer in header.split(","):
        coding, _, weight = offer.strip().lower().partition(";")
        if coding.strip() == "gzip":
            return weight.strip().removeprefix("q=").strip("0. ") != "" or not weight
    return False


ROUTES = [Route("/static/{file:path}", static, methods=["GET"], name="static")]
