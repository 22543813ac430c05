"""The tracker store on Rasa's own Python: a conversation of 10,000 turns stays small."""

from __future__ import annotations

import json
import os
import subprocess

from guichet.settings import ROOT
from guichet.supervisor import RASA_ENVIRONMENT, RASA_PYTHON

SCRIPT = """
import asyncio, json
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from bot.tracker_store import TailTrackerStore

domain = Domain.load("bot/domain.yml")
store = TailTrackerStore(domain)
sizes = {}

async def run():
    for turn in range(1, 10_001):
        tracker = await store.retrieve("a") or DialogueStateTracker("a", domain.slots)
        tracker.update(UserUttered(f"message {turn}", {"name": "ask_procedure"}), domain)
        if turn == 3:
            tracker.update(SlotSet("article", "fees"), domain)
        tracker.update(ActionExecuted("utter_article"), domain)
        tracker.update(ActionExecuted("action_listen"), domain)
        await store.save(tracker)
        if turn in (10, 10_000):
            sizes[turn] = len(store._memory["a"])
    tracker = await store.retrieve("a")
    print(json.dumps({"sizes": sizes, "events": len(tracker.events),
                      "article": tracker.get_slot("article")}))

asyncio.run(run())
"""


def test_ten_thousand_turns_are_no_larger_than_ten_and_slots_are_kept() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GUICHET_")}
    done = subprocess.run(
        [str(RASA_PYTHON), "-W", "ignore", "-c", SCRIPT],
        cwd=ROOT,
        env={**environment, **RASA_ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["sizes"]["10000"] < 1.5 * found["sizes"]["10"]
    assert found["events"] < 40
    assert found["article"] == "fees"
