"""Walk all that a search finds, page by page: look at it first, or act on each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from soniq.search import Found, Preview

# How many rows are held at once, and how many of them are acted on at once: so a file that is
# written is waited for once for all of these, and a pool of connections is left to others, too.
PAGE = 200
AT_ONCE = 20
SAMPLE = 5
# How many rows a preview looks at, at most: then it tells what it has seen.
MOST_LOOKED = 1_000_000
# No more are looked at for one page that is made of others.
MOST_FOR_A_PAGE = 100_000


class Queued(Protocol):
    """Something that is or was in a queue."""

    @property
    def id(self) -> str:
        """Its id, by which searches go on."""
        ...

    @property
    def queue(self) -> str:
        """Its queue."""
        ...


T = TypeVar("T")
Q = TypeVar("Q", bound=Queued)
# From how many are wanted and after which id to the next page.
Reader = Callable[[int, str | None], Awaitable[Found[T]]]


async def pages(read: Reader[T], *, size: int = PAGE) -> AsyncIterator[Found[T]]:
    """Yield all pages of a search, newest first; some may be empty.

    What is written meanwhile is newer than where the walk is, so that it is not met.
    """
    after: str | None = None
    while True:
        page = await read(size, after)
        yield page
        after = page.next
        if after is None:
            return


def filtered(read: Reader[T], fits: Callable[[T], bool]) -> Reader[T]:
    """Return what reads the same pages, without what does not fit."""

    async def read_fitting(limit: int, after: str | None) -> Found[T]:
        page = await read(limit, after)
        return page._replace(items=[item for item in page.items if fits(item)])

    return read_fitting


async def one_page(read: Reader[Q], *, limit: int, after: str | None) -> Found[Q]:
    """Return a page of ``limit`` items, made of as many pages as it takes."""
    items: list[Q] = []
    looked_at = 0
    while True:
        page = await read(max(limit, PAGE), after)
        items += page.items
        looked_at += page.looked_at
        after = page.next
        if len(items) > limit:
            return Found(items[:limit], looked_at, items[limit - 1].id)
        if after is None or len(items) == limit or looked_at >= MOST_FOR_A_PAGE:
            return Found(items, looked_at, after)


async def preview(read: Reader[Q], *, limit: int) -> Preview[Q]:
    """Count what a search finds, up to ``limit`` and within the newest million rows."""
    sample: list[Q] = []
    queues: Counter[str] = Counter()
    looked_at = count = 0
    exact = True
    async for page in pages(read):
        items = page.items[: limit - count]
        sample += items[: SAMPLE - len(sample)]
        queues.update(item.queue for item in items)
        count += len(items)
        looked_at += page.looked_at
        exact = len(items) == len(page.items) and page.next is None
        if count == limit or looked_at >= MOST_LOOKED:
            break
    return Preview(count, exact, sample, dict(queues.most_common()))


async def act_on_all(
    read: Reader[T],
    act: Callable[[T], Awaitable[bool]],
    *,
    told: Callable[[int], None] | None = None,
    first: int | None = None,
) -> int:
    """Act on each item that a search finds; return for how many that had an effect.

    ``told`` hears after every page how many it were so far; ``first``: no more than so many.
    """
    done = 0
    async for page in pages(read):
        waiting = page.items
        while waiting and (first is None or done < first):
            at_once = AT_ONCE if first is None else min(AT_ONCE, first - done)
            done += await act_together(waiting[:at_once], act)
            waiting = waiting[at_once:]
        if told is not None and page.items:
            told(done)
        if first is not None and done >= first:
            break
    return done


async def act_together(items: list[T], act: Callable[[T], Awaitable[bool]]) -> int:
    """Act on some items at once; an error is raised when all have been acted on."""
    results = await asyncio.gather(*map(act, items), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return sum(result is True for result in results)
