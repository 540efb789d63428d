"""Arguments are found by PostgreSQL's own functions as the other backends find them in Python."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from soniq import settings
from soniq.backends import filters
from soniq.backends.postgres import PostgresBackend
from soniq.search import ArgumentIs, JobSearch
from tests.support import FrozenClock
from tests.support.store import insert, new_job

KEYS = ("a", "b", "0", "1", "-1", "01", "+1", " 1", "", '"', "\\", "a.b", "$", "{}", "ü🦀", "NULL")
LEAVES = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e300,
    10**40,
    "",
    "null",
    "1",
    "x",
    'q"\\ü🦀\n',
    "{}",
    "[]",
)


def document(chance: random.Random, depth: int = 3) -> Any:
    """Return a random JSON value."""
    kind = chance.random() if depth else 1.0
    if kind < 0.4:
        return {key: document(chance, depth - 1) for key in chance.sample(KEYS, 4)}
    if kind < 0.7:
        return [document(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    return chance.choice(LEAVES)


def arguments(chance: random.Random) -> str:
    """Return random arguments, escaped or not."""
    value = {key: document(chance) for key in chance.sample(KEYS, 6)}
    return json.dumps(value, ensure_ascii=chance.random() < 0.3, separators=(",", ":"))


def paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every place in a JSON value, with what stands there."""
    if path:
        yield path, value
    items: Any = enumerate(value) if isinstance(value, list) else ()
    for key, item in value.items() if isinstance(value, dict) else items:
        yield from paths(item, (*path, str(key)))


def condition(chance: random.Random, texts: list[str]) -> ArgumentIs:
    """Return a condition that some of the texts fulfil, or one quite like it."""
    path, value = chance.choice(list(paths(json.loads(chance.choice(texts)))))
    if chance.random() < 0.3:
        place = chance.randrange(len(path))
        path = (*path[:place], chance.choice(KEYS), *path[place + 1 :])
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return ArgumentIs(path, text if chance.random() < 0.8 else str(chance.choice(LEAVES)))


async def test_random_arguments(postgres_url: str, clock: FrozenClock) -> None:
    """The same ones fulfil a condition, whatever keys, indexes and values it is made of."""
    chance = random.Random(11)
    texts = [arguments(chance) for _ in range(60)]
    backend = PostgresBackend(postgres_url, settings.load(database_url=postgres_url), clock)
    await backend.open()
    made = await insert(backend, *(new_job(clock, args=text) for text in texts))
    matches = 0
    for _ in range(120):
        wanted = condition(chance, texts)
        page = await backend.jobs.search(JobSearch(args=(wanted,)), limit=1000)
        found = sorted(made.index(job.id) for job in page.items)
        alike = [place for place, text in enumerate(texts) if filters.holds(text, [wanted])]
        containers = wanted.value[:1] in {"[", "{"} and len(wanted.value) > 2
        if not containers:  # whose text PostgreSQL gives as it was written
            assert found == alike, wanted
            matches += bool(found)
    await backend.close()
    assert matches > 40
