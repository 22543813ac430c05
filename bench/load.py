"""Load and latency of the whole way, and stock Rasa beside it (`guichet bench load`)."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from pathlib import Path

from bench.rasa_stock import stock_rasa
from bench.system import Bench, bench
from bench.webhooks import Load, percentiles, shown
from knowledge_base.content import load_library
from knowledge_base.examples import EVALUATION, load_cases
from knowledge_base.languages import served

PROVIDER_S = 0.15  #: latency of the provider's stand-in
PATIENCE_S = 20.0


def questions() -> list[str]:
    """Evaluation messages about articles that are published, in a fixed random order."""
    published = load_library().articles
    texts = [
        case.text
        for language in served()
        for case in load_cases(EVALUATION / f"{language}.jsonl")
        if case.kind == "article" and (case.language, case.label) in published
    ]
    random.Random(1).shuffle(texts)
    return texts


def number(n: int) -> str:
    return f"+336{n:08d}"


def make_load(it: Bench, count: int, first: int = 0) -> Load:
    """Questions, each from a person of their own."""
    texts, load = questions(), Load(f"{it.gateway}/twilio/sms")
    for n in range(count):
        load.add(number(first + n), texts[n % len(texts)])
    return load


async def acknowledge(seconds: float, processes: int) -> None:
    """Webhooks acknowledged a second, durable, gateway and Redis alone."""
    async with bench(PROVIDER_S, {"redis", "gateway"}, processes) as it:
        load = make_load(it, int(2000 * seconds))
        took = await load.send()
        fast = len(load.messages) / took
        assert all(message.status == 200 for message in load.messages)
        print(f"acknowledged, as fast as they are taken: {fast:.0f} a second")
        half = make_load(it, int(fast / 2 * seconds), first=10_000_000)
        await half.send(fast / 2)
        times = [message.acknowledged_at - message.due for message in half.messages]
        print(f"  at half of that: {shown(percentiles(times))}")


async def answers(count: int, workers: int) -> float:
    """Messages answered a second, the whole way."""
    async with bench(PROVIDER_S, workers=workers) as it:
        warm = make_load(it, 100)
        await warm.send()
        await it.count(100, PATIENCE_S)
        before = len(it.taken())
        load = make_load(it, count, first=20_000_000)
        began = time.time()
        await load.send()
        senders = {message.sender for message in load.messages}
        taken = (await it.answered(senders, PATIENCE_S))[before:]
        numbers = {note["to"] for note in taken}
        rate: float = len(numbers) / (max(note["at"] for note in taken) - began)
        lost = sum(message.sender not in numbers for message in load.messages)
        print(f"answered, as fast as it can: {rate:.0f} a second, {lost} lost of {count}")
        return rate


async def latency(rates: list[float], seconds: float) -> dict[float, dict[str, float]]:
    """Webhook to provider's answer, at each rate."""
    found = {}
    async with bench(PROVIDER_S) as it:
        await make_load(it, 100).send()
        await it.count(100, PATIENCE_S)
        for turn, rate in enumerate(rates, start=3):
            before = len(it.taken())
            load = make_load(it, int(rate * seconds), first=turn * 10_000_000)
            await load.send(rate)
            senders = {message.sender for message in load.messages}
            taken = (await it.answered(senders, PATIENCE_S))[before:]
            first: dict[str, float] = {}
            for note in taken:
                first.setdefault(note["to"], note["at"] - PROVIDER_S)
            times = [first[m.sender] - m.due for m in load.messages if m.sender in first]
            lost = sum(m.status == 200 and m.sender not in first for m in load.messages)
            found[rate] = percentiles(times)
            print(
                f"at {rate:g} a second: webhook to provider call {shown(found[rate])}, {lost} lost"
            )
    return found


async def long_conversation(turns: int) -> list[tuple[int, float]]:
    """Cost of a turn along one conversation, beside first turns of others at the same time."""
    texts = questions()
    points = []
    async with bench(0.0) as it:
        load = Load(f"{it.gateway}/twilio/sms")

        async def one(sender: str, text: str) -> float:
            load.messages.clear()
            load.add(sender, text)
            before = len(it.taken())
            began = time.perf_counter()
            await load.send()
            while len(it.taken()) <= before:  # noqa: ASYNC110
                await asyncio.sleep(0.0005)
            return time.perf_counter() - began

        for n in range(20):
            await one(number(n), texts[n])
        late: list[float] = []
        first: list[float] = []
        for turn in range(1, turns + 1):
            # Between the points looked at, turns go by as fast as they are answered.
            looked_at = turn % (turns // 10) < 20 or turn <= 20
            text = texts[turn % len(texts)]
            took = await one("+33630000000", text)
            if looked_at:
                points.append((turn, took))
            if turn > turns - 40:
                late.append(took)
                first.append(await one(number(500_000 + turn), text))
        ratio = statistics.median(late) / statistics.median(first)
        print(
            f"turn {turns} of one conversation: {1000 * statistics.median(late):.1f} ms, first "
            f"turns of others {1000 * statistics.median(first):.1f} ms, ratio {ratio:.2f}"
        )
    return points


async def against_rasa(count: int, ours: float) -> None:
    """Stock Rasa's own Twilio channel on the same messages, its default pipeline."""
    async with stock_rasa(PROVIDER_S) as rasa:
        load = Load(rasa.webhook)
        texts = questions()
        for n in range(count):
            load.add(number(40_000_000 + n), texts[n % len(texts)])
        began = time.time()
        await load.send()
        taken = await rasa.count(count, PATIENCE_S)
        # It may say two things to one message: people answered are what is compared.
        people = len({note["to"] for note in taken})
        rate = people / (max(note["at"] for note in taken) - began) if taken else 0.0
        print(f"stock Rasa, its Twilio channel: {rate:.1f} a second, {count - people} unanswered")
        if rate:
            print(f"Guichet is {ours / rate:.0f} times as fast")


def picture(
    latencies: dict[float, dict[str, float]], points: list[tuple[int, float]], out: Path
) -> None:
    """Latency against load, and the cost of a turn against the length of the conversation."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    for name, colour in (("p50", "#1f5b99"), ("p99", "#d8b26e")):
        values = [1000 * found[name] for found in latencies.values()]
        left.plot(list(latencies), values, marker="o", color=colour, label=name)
    left.set_xlabel("messages a second")
    left.set_ylabel("webhook to provider call, ms")
    left.set_ylim(bottom=0)
    left.legend(frameon=False)
    right.plot([n for n, _ in points], [1000 * s for _, s in points], ".", color="#1f5b99")
    right.set_xlabel("turn of one conversation")
    right.set_ylabel("ms")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, format="svg", metadata={"Date": None})
