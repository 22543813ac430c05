"""Far more than can be answered: lost, memory, draining (`guichet bench overload`)."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench.load import PATIENCE_S, PROVIDER_S, make_load, number
from bench.system import bench
from bench.webhooks import Load


async def run(rate: float, seconds: float) -> None:
    """Send at `rate` for so long, then wait until everything is answered."""
    async with bench(PROVIDER_S) as it:
        await make_load(it, 50).send()
        await it.count(50, PATIENCE_S)
        load = Load(f"{it.gateway}/twilio/sms")
        texts = ("merci", "bonjour", "au revoir", "combien coute le timbre")
        for n in range(int(rate * seconds)):
            load.add(number(1000 + n % 20_000), texts[n % len(texts)])
        most: dict[str, float] = {}
        watching = asyncio.create_task(_watch(it.supervisor.pids(), most))
        began = time.time()
        took = await load.send(rate)
        taken = sum(message.status == 200 for message in load.messages)
        print(
            f"sent {len(load.messages)} in {took:.0f} s, acknowledged {taken} "
            f"({taken / took:.0f} a second), answered meanwhile {len(it.taken()) - 50}"
        )
        answered = len(await it.count(50 + taken, PATIENCE_S * 3)) - 50
        print(
            f"drained {time.time() - began - took:.0f} s later: answered {answered}, "
            f"lost {max(0, taken - answered)}"
        )
        watching.cancel()
        print("most memory: " + ", ".join(f"{name} {mb:.0f} MB" for name, mb in most.items()))


async def _watch(pids: dict[str, int], most: dict[str, float]) -> None:
    while True:
        for name, pid in pids.items():
            try:
                status = Path(f"/proc/{pid}/status").read_text()  # noqa: ASYNC240
            except OSError:
                continue
            kb = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmRSS"))
            most[name] = max(most.get(name, 0.0), kb / 1000)
        await asyncio.sleep(1)
