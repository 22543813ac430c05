"""Kills everything in turn while messages come, and counts (`make chaos`).

Each person's messages are short ones that have one answer each, never two alike in a row,
so that a lost, doubled or displaced answer shows.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from bench.load import number
from bench.system import Bench, bench
from bench.webhooks import Load
from guichet.sms import to_gsm_7
from knowledge_base.content import load_facts
from knowledge_base.dialogue import load_texts

#: Messages with one answer each, and the response that is it.
SAID = {
    "bonjour": "greet",
    "merci beaucoup": "thanks",
    "au revoir": "goodbye",
    "qui êtes vous": "who_are_you",
    "humain": "human",
}
TURNS = 10  #: messages of one person
PROVIDER_S = 0.02
VICTIMS = ("gateway", "worker 1", "worker 2", "rasa", "knowledge base", "redis", "provider")


@dataclass
class Outcome:
    """What came of all messages."""

    acknowledged: int = 0
    answered: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    unknown: int = 0
    kills: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        return [
            f"killed {len(self.kills)} times: "
            + ", ".join(f"{name} {times}" for name, times in Counter(self.kills).items()),
            f"acknowledged {self.acknowledged}, answered {self.answered}, lost {self.lost}, "
            f"doubled {self.doubled}, out of order {self.out_of_order}",
        ]


async def run(messages: int, kills: int, seed: int) -> Outcome:
    """Print as it goes; the outcome."""
    print(f"chaos: {messages} messages, {kills} kills, seed {seed}")
    dice = random.Random(seed)
    outcome = Outcome()
    async with bench(PROVIDER_S, workers=2) as it:
        load, wanted = _load(it, messages, dice)
        # A kill every few seconds, all of them while messages come.
        pause = 4.0
        rate = messages / (kills * pause + 5)
        killing = asyncio.create_task(_kill_all(it, kills, pause, dice, outcome))
        await load.send(rate, again=True)
        await killing
        print("  all sent; waiting for the queue to drain …")
        await it.count(messages, patience_s=60)
        _judge(it, wanted, outcome)
        outcome.acknowledged = sum(message.status == 200 for message in load.messages)
    for line in outcome.lines():
        print(line)
    return outcome


def _load(it: Bench, messages: int, dice: random.Random) -> tuple[Load, dict[str, list[str]]]:
    texts = load_texts(load_facts()).phrases("fr")
    answer = {text: to_gsm_7(texts.responses[name].sms) for text, name in SAID.items()}
    load, wanted = Load(f"{it.gateway}/twilio/sms"), defaultdict(list)
    people = messages // TURNS
    last: dict[str, str] = {}
    for turn in range(messages):
        sender = number(turn % people)
        text = dice.choice([each for each in SAID if each != last.get(sender)])
        last[sender] = text
        wanted[sender].append(answer[text])
        load.add(sender, text)
    return load, wanted


async def _kill_all(
    it: Bench, kills: int, pause: float, dice: random.Random, outcome: Outcome
) -> None:
    for turn in range(kills):
        await asyncio.sleep(dice.uniform(0.5, 1.5) * pause)
        victim = VICTIMS[turn % len(VICTIMS)]
        if victim == "provider":
            it.provider.kill()
            await it.provider.wait()
            await asyncio.sleep(dice.uniform(0.2, 2.0))
            await it.start_provider()
        else:
            os.kill(it.supervisor.pids()[victim], signal.SIGKILL)
        outcome.kills.append(victim)
        print(f"  {time.strftime('%H:%M:%S')} killed {victim}")


def _judge(it: Bench, wanted: dict[str, list[str]], outcome: Outcome) -> None:
    got: dict[str, list[str]] = defaultdict(list)
    for note in it.taken():
        got[note["to"]].append(note["body"])
    for sender, answers in wanted.items():
        bodies = got[sender]
        once = [b for n, b in enumerate(bodies) if n == 0 or b != bodies[n - 1]]
        outcome.doubled += len(bodies) - len(once)
        missing = Counter(answers) - Counter(once)
        extra = Counter(once) - Counter(answers)
        outcome.lost += missing.total()
        outcome.doubled += extra.total()
        outcome.answered += len(answers) - missing.total()
        if not missing and not extra and once != answers:
            outcome.out_of_order += 1
