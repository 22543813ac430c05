"""Measures the whole way: signed webhook in, call to the provider out."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.twilio_stand_in import TwilioStandIn, environment, post_webhook, serve, webhook_form
from connectors.letter import Letter, make
from guichet import supervisor
from guichet.settings import Settings, load_settings, running
from knowledge_base.content import load_library
from knowledge_base.examples import EVALUATION, load_cases

FORMS, LETTERS = 60, 50
QUIET_S = 0.02  #: pause between two messages, so that each is alone


async def run(messages: int, turns: int) -> None:
    """Print latency of single messages, cost of a late turn, and memory.

    Runs a whole Guichet of its own on a temporary data folder, against a local
    stand-in for Twilio; both stop at the end.
    """
    texts = [
        case.text
        for path in sorted(EVALUATION.glob("*.jsonl"))
        for case in load_cases(path)
        if case.kind == "article"
    ]
    random.Random(1).shuffle(texts)
    model = load_settings().model_dir
    with TemporaryDirectory(prefix="guichet-bench-") as folder:
        async with serve(TwilioStandIn()) as twilio:
            os.environ.update(environment(twilio))
            settings = Settings(data_dir=Path(folder), kb_model=model, port=0)
            os.environ["GUICHET_KB_MODEL"] = str(model.resolve())
            os.environ["GUICHET_MESSAGES_A_MINUTE"] = "0"
            began = time.perf_counter()
            started = await supervisor.up(settings, print)
            print(f"up to healthy: {time.perf_counter() - began:.1f} s")
            try:
                await _measure(settings, twilio, texts, messages, turns)
            finally:
                await supervisor.down(settings, started)


async def _measure(
    settings: Settings, twilio: TwilioStandIn, texts: list[str], messages: int, turns: int
) -> None:
    state = running(settings) or {}
    url = f"{state['gateway_url']}/twilio/sms"
    async with httpx.AsyncClient(trust_env=False) as client:

        async def one(sender: str, text: str) -> float:
            before = len(twilio.sent)
            began = time.perf_counter()
            answer = await post_webhook(client, url, webhook_form(sender, text))
            answer.raise_for_status()
            await twilio.wait_for(before + 1)
            return (twilio.sent[before].at - began) * 1000

        for number in range(20):  # warm
            await one(f"+3361000{number:04}", texts[number % len(texts)])
        print(f"one message at a time, {messages} people:")
        times = []
        for number in range(messages):
            times.append(await one(f"+3362000{number:04}", texts[number % len(texts)]))
            await asyncio.sleep(QUIET_S)
        print(f"  webhook to provider call: {_percentiles(times)}")
        print(f"the steps of a form, {FORMS} people:")
        steps: list[float] = []
        for number in range(FORMS):
            for step in ("mes dates", "03/04/2029", "1"):
                steps.append(await one(f"+3365000{number:04}", step))
                await asyncio.sleep(QUIET_S)
        print(f"  webhook to provider call: {_percentiles(steps)}")
        made = [_letter_ms() for _ in range(LETTERS)]
        print(f"  a letter made: {_percentiles(made)}")
        print(f"one conversation of {turns} turns, beside first turns of others:")
        late: list[float] = []
        first: list[float] = []
        for turn in range(turns):
            text = texts[turn % len(texts)]
            took = await one("+33630000000", text)
            if turn >= turns - 60:
                late.append(took)
                first.append(await one(f"+3364000{turn:04}", text))
        ratio = statistics.median(late) / statistics.median(first)
        print(
            f"  last 60 turns {statistics.median(late):.1f} ms, first turns of others "
            f"{statistics.median(first):.1f} ms, ratio {ratio:.2f}"
        )
    print(f"memory of all processes: {_memory_mb(os.getpid()):.0f} MB (proportional set size)")


def _letter_ms() -> float:
    """Milliseconds to make the fullest letter there is."""
    days = [date(2026, 9, day) for day in range(1, 29)]
    full = Letter("93", "renewal", days[0], [1, 2, 3, 4, 5, 6], "m" * 390, days)
    began = time.perf_counter()
    make(full, load_library().facts)
    return (time.perf_counter() - began) * 1000


def _percentiles(times: list[float]) -> str:
    ordered = sorted(times)
    p = [ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.95, 0.99)]
    return f"p50 {p[0]:.1f} ms, p95 {p[1]:.1f} ms, p99 {p[2]:.1f} ms"


def _memory_mb(parent: int) -> float:
    """Memory of the processes this one started: PSS counts a shared page once."""
    total = 0.0
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        try:
            smaps = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        kb = next(int(line.split()[1]) for line in smaps.splitlines() if line.startswith("Pss:"))
        total += kb / 1000 + _memory_mb(int(pid))
    return total
