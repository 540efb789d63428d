"""When a write to a file lets others have a turn of the event loop."""

from __future__ import annotations

import asyncio

from soniq.backends.sqlite.turns import ALONE_FOR, ONE_IN, Turns


async def gives(turns: Turns) -> bool:
    """Tell whether somebody else had a turn meanwhile."""
    had: list[bool] = []
    asyncio.get_running_loop().call_soon(had.append, True)
    await turns.give()
    given = bool(had)
    await asyncio.sleep(0)
    return given


async def test_seldom_to_whom_nobody_joins() -> None:
    """A loop of writes stops others for a few of them at most."""
    turns = Turns()
    given = [await gives(turns) for _ in range(ALONE_FOR + 3 * ONE_IN)]
    assert all(given[:ALONE_FOR])
    assert given[ALONE_FOR:].count(True) == 3
    assert "".join("y" if one else "n" for one in given).count("n" * ONE_IN) == 0


async def test_each_time_while_others_come() -> None:
    """Of those who come together after a lonely time a few go alone, and the others join."""
    turns = Turns()
    for _ in range(2 * ALONE_FOR):
        await turns.give()
    passed: list[int] = []

    async def one(number: int) -> None:
        await turns.give()
        passed.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(20)]
    await asyncio.sleep(0)
    assert len(passed) < ONE_IN
    await asyncio.gather(*tasks)
    assert await gives(turns)


async def test_who_is_cancelled_waits_no_longer() -> None:
    """It does not count as company for ever."""
    turns = Turns()
    waits = asyncio.create_task(turns.give())
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    given = [await gives(turns) for _ in range(ALONE_FOR + ONE_IN)]
    assert not all(given)
