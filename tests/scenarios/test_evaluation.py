"""The evaluation messages, through Rasa and the knowledge base, hold their floors."""

from __future__ import annotations

from pathlib import Path

from knowledge_base.evaluate import run, table, under_floor
from knowledge_base.examples import EVALUATION
from tests.conftest import System

FLOORS = Path(__file__).with_name("floors.json")


async def test_every_language_holds_its_floors(system: System) -> None:
    files = sorted(EVALUATION.glob("*.jsonl"))
    report, predictions = await run(system.settings, files, lambda text: None)
    assert len(predictions) >= (report["all"]["messages"] or 0) > 0
    print(table(report))
    assert under_floor(report, FLOORS) == []
