"""`rasa test` works in this project as any Rasa developer expects."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from guichet.settings import ROOT
from tests.conftest import System


async def rasa(*arguments: str, kb_url: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        ROOT / "bot" / ".venv" / "bin" / "python", "-W", "ignore", "-m", "rasa", *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env={
            **os.environ,
            "GUICHET_KB_URL": kb_url,
            "PYTHONPATH": ".",
            "RASA_TELEMETRY_ENABLED": "false",
        },
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_the_stories_of_the_bot_pass_with_the_knowledge_base(
    system: System, tmp_path: Path
) -> None:
    status, out = await rasa(
        "test", "core", "--e2e", "--fail-on-prediction-errors",
        "--stories", "bot/test_stories.yml",
        "--model", "bot/models/guichet.tar.gz",
        "--endpoints", "bot/endpoints.yml",
        "--out", str(tmp_path),
        kb_url=system.addresses["kb_url"],
    )  # fmt: skip
    assert status == 0, out[-3000:]
    failed = (tmp_path / "failed_test_stories.yml").read_text()
    assert "None of the test stories failed" in failed


async def test_the_domain_and_the_rules_agree(system: System) -> None:
    status, out = await rasa(
        "data", "validate", "--domain", "bot/domain.yml", "--data", "nlu/acts", "bot/rules.yml",
        "--config", "config.yml",
        kb_url=system.addresses["kb_url"],
    )  # fmt: skip
    assert status == 0, out[-3000:]
