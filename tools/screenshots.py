"""Take the pictures of the dashboard that the documentation shows: ``docs/images/*.png``.

uv run python -m tools.screenshots

The shop of ``tests/support/demo_state.py`` lives through a day that always ends at the same moment,
so that a picture changes only when a page does. Needs Chromium (``make browser``).
"""

from __future__ import annotations

import io
import os
import random
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from soniq import Soniq
from tests.browser.chromium import launched
from tests.browser.site import Loop, open_site
from tests.support.clock import FrozenClock
from tests.support.demo_state import DAY, seed

FOLDER = Path(__file__).parents[1] / "docs" / "images"
# A Thursday afternoon: the hourly figures have something to say, and no schedule sleeps.
END = datetime(2026, 3, 12, 16, 42, tzinfo=UTC)
WIDE, NARROW = (1280, 800), (360, 740)
# As many as a palette has: text needs shades of each hue for its edges.
COLOURS = 255


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: where it is taken, how wide, and in which theme.

    What stands in braces in ``address`` is looked up; see ``lookups``.
    """

    address: str
    size: tuple[int, int] = WIDE
    theme: str = "light"


class SteadyClock(FrozenClock):
    """A clock whose ids are the same in every run."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._bits = random.Random(7).getrandbits  # noqa: S311 - these ids are no secrets
        self._number = self._bits(60)

    def new_ids(self, count: int) -> list[str]:
        """Return the next ids, as the real ones rise and look."""
        head = int(self.now().timestamp() * 1000) << 80 | 0x7 << 76 | self._bits(12) << 64
        made: list[str] = []
        for _ in range(count):
            self._number += 1 + self._bits(32)
            made.append(str(UUID(int=head | 0b10 << 62 | self._number)))
        return made


SHOTS = {
    "overview": Shot("/"),
    "overview-dark": Shot("/", theme="dark"),
    "overview-narrow": Shot("/", NARROW),
    "jobs": Shot("/jobs?q=task:mail.*+state:queued"),
    "jobs-narrow": Shot("/jobs?q=task:mail.*+state:queued", NARROW, "dark"),
    "job": Shot("/dead-letters/{letter}", (1280, 1000)),
    "failures": Shot("/failures", (1280, 490)),
    "queues": Shot("/queues", (1280, 480)),
    "schedules": Shot("/schedules", (1280, 370)),
    "workers": Shot("/workers", theme="dark"),
    "system": Shot("/system"),
}


def main() -> None:
    """Take all pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    with served() as (url, found), sync_playwright() as driver:
        browser = launched(driver)
        for name, shot in SHOTS.items():
            picture = small(taken(browser, url, shot, found))
            (FOLDER / f"{name}.png").write_bytes(picture)
            print(f"{name}.png: {len(picture) / 1024:.0f} KiB")  # noqa: T201 - a script
        browser.close()


@contextmanager
def served() -> Generator[tuple[str, dict[str, str]]]:
    """Serve the dashboard of the shop; give its address, and the ids of what is shown."""
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        # Pages name the file: by a relative path they don't tell where it lies.
        os.chdir(folder)
        loop = Loop()
        opened = shop()
        try:
            yield loop.run(opened.__aenter__())
        finally:
            loop.run(opened.__aexit__(None, None, None))
            loop.close()
            os.chdir(home)


@asynccontextmanager
async def shop() -> AsyncGenerator[tuple[str, dict[str, str]]]:
    """Let the day pass, and serve what it has left."""
    clock = SteadyClock(END - DAY)
    app = Soniq("shop.db", clock=clock)
    await seed(app, clock, until=END)
    async with open_site(app, write=True) as (url, _):
        yield url, await lookups(app)


async def lookups(app: Soniq) -> dict[str, str]:
    """Return the id of a dead letter that was tried several times."""
    letters = await app.dead_letter.list(name="billing.charge_card", limit=50)
    return {"letter": max(letters, key=lambda one: (one.attempts, one.id)).id}


def taken(browser: Browser, url: str, shot: Shot, found: dict[str, str]) -> bytes:
    """Return the picture of a page once its chart is drawn and it hears of news."""
    width, height = shot.size
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if shot.theme == "dark" else "light",
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    tab = context.new_page()
    tab.goto(shot.address.format(**found))
    if (lamp := tab.locator("#live")).count():
        lamp.wait_for()  # it lights up once the page hears of news
    picture = tab.screenshot(animations="disabled", caret="hide")
    context.close()
    return picture


def small(picture: bytes) -> bytes:
    """Return a picture with a palette, which is less than half as large and looks the same."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    # Of all ways it spares what is rare: the red of a number among a thousand shades of grey.
    reduced = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    out = io.BytesIO()
    reduced.save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
