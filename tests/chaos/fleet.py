"""Workers, a producer, and the record of what was done to them."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from soniq import Soniq
from tests.chaos import effects
from tests.chaos.effects import Effect
from tests.chaos.history import Enqueue, History, Kill
from tests.chaos.tables import Tables, tables
from tests.chaos.zygote import Order, Process, Zygote


@dataclass
class Fleet:
    """The processes of one run. ``order`` is what a worker is started with."""

    zygote: Zygote
    order: Order
    tables: Tables
    producer: Soniq
    living: dict[int, Process] = field(default_factory=dict[int, Process])
    armed: set[int] = field(default_factory=set[int])
    kills: list[Kill] = field(default_factory=list[Kill])
    enqueues: list[Enqueue] = field(default_factory=list[Enqueue])
    charging: set[str] = field(default_factory=set[str])
    earlier: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])

    def start(self, **changes: Any) -> Process:
        """Start a worker."""
        process = self.zygote.start(replace(self.order, **changes))
        self.living[process.number] = process
        if changes.get("crash"):
            self.armed.add(process.number)
        return process

    async def kill(self, process: Process) -> None:
        """Kill a worker and note what it held."""
        now = time.monotonic()
        self.zygote.signal(process)
        await self._note_end(process, now)

    async def bury(self) -> list[Process]:
        """Note the ends of workers that ended by themselves; return them."""
        codes = self.zygote.ended()
        gone = [process for number, process in self.living.items() if number in codes]
        for process in gone:
            await self._note_end(process, time.monotonic())
        return gone

    async def enqueue(self, name: str, arguments: Sequence[Mapping[str, Any]]) -> list[str]:
        """Enqueue jobs; their numbers are counted up."""
        first = len(self.enqueues)
        numbered = [{"number": first + n, **args} for n, args in enumerate(arguments)]
        try:
            ids = await self.producer.enqueue_many(name, numbered)
        except Exception:
            self.enqueues += [Enqueue(args["number"], "unknown") for args in numbered]
            raise
        self.enqueues += [
            Enqueue(args["number"], "ok", job_id)
            for args, job_id in zip(numbered, ids, strict=True)
        ]
        self.charging.update(ids if name.startswith("chaos.charge") else ())
        return ids

    async def look(self) -> None:
        """Remember which jobs have ended so far."""
        self.earlier |= await self.tables.ended()

    async def until_all_ended(self, patience: float) -> bool:
        """Wait until every job has ended; False if some have not in time."""
        deadline = time.monotonic() + patience
        while await self.tables.waiting():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    async def charges(self) -> dict[str, int]:
        """Return how often each job that is to charge has done so."""
        found = await self.tables.fetch("SELECT job, count(*) FROM charges GROUP BY job")
        return dict.fromkeys(self.charging, 0) | dict(found)

    async def stop(self) -> list[int]:
        """End all workers by SIGTERM and return their exit codes.

        Those with a crash point may come to it even now: that is the end they were told to take.
        """
        processes = list(self.living.values())
        self.living.clear()
        for process in processes:
            self.zygote.signal(process, signal.SIGTERM)
        codes = [await asyncio.to_thread(self.zygote.wait, process) for process in processes]
        return [
            0 if code == -signal.SIGKILL and process.number in self.armed else code
            for process, code in zip(processes, codes, strict=True)
        ]

    async def history(self, **more: Any) -> History:
        """Close the producer and return everything that happened."""
        await self.producer.close()
        return History(
            enqueues=self.enqueues,
            effects=self.effects(),
            rows=await self.tables.rows(),
            kills=self.kills,
            earlier=self.earlier,
            committed=await self.charges(),
            leftovers=await self.tables.leftovers(),
            **more,
        )

    def effects(self) -> list[Effect]:
        """Return what the workers have done so far."""
        return effects.read(Path(self.order.folder) / "effects")

    def talk(self) -> str:
        """Return what the workers have said so far."""
        path = Path(self.order.folder) / "talk.log"
        return path.read_text() if path.exists() else ""

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.living.values():
            self.zygote.signal(process)

    async def _note_end(self, process: Process, at: float) -> None:
        del self.living[process.number]
        held = await self.tables.held(process.pid)
        self.kills.append(Kill(process.number, at, held))


@asynccontextmanager
async def fleet(zygote: Zygote, order: Order) -> AsyncIterator[Fleet]:
    """Make the tables and give a fleet without workers; none is left at the end."""
    producer = Soniq(order.url, enqueue_validation="none")
    await producer.setup()
    async with tables(order.url) as reader, producer:
        made = Fleet(zygote, order, reader, producer)
        await reader.execute("CREATE TABLE charges (job text NOT NULL)")
        try:
            yield made
        finally:
            made.end()
            await reader.execute("DROP TABLE charges")
