"""What a message is made of, for the model."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from guichet.settings import ROOT

SHOW = """
from knowledge_base.features import features
from knowledge_base.lexicon import load_lexicon
print(features("je dois renouveler ma carte et payer le timbre a la prefecture", load_lexicon()))
"""


@pytest.fixture(scope="module")
def orders() -> list[str]:
    """The features in processes that put sets in different orders."""
    return [
        subprocess.run(
            [sys.executable, "-c", SHOW], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]  # fmt: skip


def test_training_sees_the_same_order_in_every_process(orders: list[str]) -> None:
    """Else each training makes another model, and no figure can be held to."""
    assert "renew" in orders[0]
    assert len(set(orders)) == 1
