"""What people did: noted, read page by page, forgotten in the end."""

from __future__ import annotations

import pytest

from soniq import Soniq
from soniq.backends.contract import Backend
from soniq.backends.operator_contract import NewAuditEntry
from tests.support import FrozenClock
from tests.support.store import NOBODY


async def noted(backend: Backend, clock: FrozenClock, target: str = "x") -> str:
    """Note an entry and return its id."""
    entry = NewAuditEntry(clock.new_id(), "cli:ana@host", "jobs.cancel", target)
    await backend.audit.note(entry)
    return entry.id


async def test_an_entry_comes_back_as_it_was_noted(backend: Backend, clock: FrozenClock) -> None:
    """All its facts, the detail with exact numbers, and the time of the database."""
    detail = '{"n": 12345678901234567890, "deep": [{"ü": null}], "text": "a\\u0000b"}'
    entry = NewAuditEntry(clock.new_id(), "dashboard:ana", "queues.pause", "mail ☂", detail)
    await backend.audit.note(entry)
    [found] = await backend.audit.find()
    assert dict(found) == {
        "id": entry.id,
        "at": clock.now(),
        "actor": "dashboard:ana",
        "action": "queues.pause",
        "target": "mail ☂",
        "detail": {"n": 12345678901234567890, "deep": [{"ü": None}], "text": "a\0b"},
    }


async def test_noting_again_is_harmless(backend: Backend, clock: FrozenClock) -> None:
    """An entry whose answer was lost is written once, and stays as it was."""
    entry = NewAuditEntry(clock.new_id(), "a", "b", "c")
    await backend.audit.note(entry)
    noted_at = clock.now()
    clock.advance(seconds=1)
    await backend.audit.note(entry)
    assert [found.at for found in await backend.audit.find()] == [noted_at]


async def test_the_latest_comes_first_in_pages(backend: Backend, clock: FrozenClock) -> None:
    """Each page goes on below the last entry of the one before, whatever is noted meanwhile."""
    ids = [await noted(backend, clock) for _ in range(5)][::-1]
    first = await backend.audit.find(limit=2)
    await noted(backend, clock)
    second = await backend.audit.find(limit=2, before=first[-1].id.upper())
    third = await backend.audit.find(limit=2, before=second[-1].id)
    assert [[one.id for one in page] for page in (first, second, third)] == [
        ids[:2],
        ids[2:4],
        ids[4:],
    ]
    assert await backend.audit.find(before=ids[-1]) == []


async def test_nothing_is_older_than_what_is_no_id(backend: Backend, clock: FrozenClock) -> None:
    """A cursor that no entry could have ends the list; one that none has any more does not."""
    await noted(backend, clock)
    for before in ("", "no uuid", "'; --", "\0", "9" * 400):
        assert await backend.audit.find(before=before) == []
    assert await backend.audit.find(before=NOBODY) == []
    assert len(await backend.audit.find(before=clock.new_id())) == 1


async def test_prune_by_age(backend: Backend, clock: FrozenClock) -> None:
    """What is older goes and is counted, what is younger stays."""
    await noted(backend, clock)
    await noted(backend, clock)
    clock.advance(seconds=100)
    young = await noted(backend, clock)
    assert await backend.audit.prune(older_than=101) == 0
    assert await backend.audit.prune(older_than=99) == 2
    assert [found.id for found in await backend.audit.find()] == [young]
    assert await backend.audit.prune(older_than=float("inf")) == 0


async def test_whatever_a_name_holds_is_noted(app: Soniq) -> None:
    """Names come from command lines and logins: what no database can hold is spelled out."""
    await app.audit.note("cli:\udcff@host", "jobs.cancel", "a\0b", {"count": 3})
    [found] = await app.audit.list()
    assert (found.actor, found.target) == ("cli:\\udcff@host", "a\\x00b")
    assert found.detail == {"count": 3}
    assert await app.audit.list(before=found.id) == []


async def test_a_detail_must_be_json(app: Soniq) -> None:
    """What is not is refused where it was made, and nothing is written."""
    with pytest.raises((TypeError, ValueError)):
        await app.audit.note("a", "b", "c", {"n": float("nan")})
    with pytest.raises(TypeError):
        await app.audit.note("a", "b", "c", {"n": object()})
    assert await app.audit.list() == []
