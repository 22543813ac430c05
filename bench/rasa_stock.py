"""Stock Rasa as `rasa init` makes it, with its own Twilio channel, to compare with."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from bench.system import _provider
from bench.twilio_stand_in import ACCOUNT_SID, AUTH_TOKEN, NUMBER
from guichet.supervisor import RASA_ENVIRONMENT, RASA_PYTHON, free_port

#: Runs Rasa's command with Twilio's client pointed at the stand-in; nothing else is changed.
_RUN = """
import os, sys
from twilio.http.http_client import TwilioHttpClient
stock = TwilioHttpClient.request
def request(self, method, url, *args, **kwargs):
    url = url.replace("https://api.twilio.com", os.environ["STAND_IN"], 1)
    return stock(self, method, url, *args, **kwargs)
TwilioHttpClient.request = request
from rasa.__main__ import main
sys.argv = ["rasa", *sys.argv[1:]]
main()
"""
_CREDENTIALS = f"""
twilio:
  account_sid: {ACCOUNT_SID}
  auth_token: {AUTH_TOKEN}
  twilio_number: "{NUMBER}"
"""


@dataclass
class Stock:
    """A running stock Rasa."""

    webhook: str
    notes: Path

    async def count(self, wanted: int, patience_s: float) -> list[dict[str, Any]]:
        """What its provider took, once it is so much or nothing has come for so long."""
        known, quiet = 0, 0.0
        while known < wanted and quiet < patience_s:
            await asyncio.sleep(0.2)
            lines = self.notes.read_bytes().count(b"\n") if self.notes.exists() else 0
            quiet = 0.0 if lines > known else quiet + 0.2
            known = lines
        return [json.loads(line) for line in self.notes.read_text().splitlines()]


@asynccontextmanager
async def stock_rasa(latency_s: float) -> AsyncIterator[Stock]:
    """`rasa init`, then `rasa run`, in a temporary folder. About two minutes to begin."""
    with TemporaryDirectory(prefix="guichet-rasa-") as name:
        folder = Path(name)
        port, provider_port = free_port(), free_port()
        environment = {
            **os.environ,
            **RASA_ENVIRONMENT,
            "STAND_IN": f"http://127.0.0.1:{provider_port}",
        }

        def rasa(*arguments: str) -> Any:
            return asyncio.create_subprocess_exec(
                str(RASA_PYTHON), "-c", _RUN, *arguments, cwd=folder, env=environment,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

        with (folder / "log").open("wb") as log:
            print("stock Rasa: rasa init …")
            made = await rasa("init", "--no-prompt", "--init-dir", ".")
            if await made.wait() != 0:
                raise RuntimeError((folder / "log").read_text()[-1500:])
            (folder / "credentials.yml").write_text(_CREDENTIALS)
            notes = folder / "provider.jsonl"
            provider = await _provider(provider_port, latency_s, notes)
            server = await rasa("run", "--interface", "127.0.0.1", "--port", str(port))
            try:
                await _ready(port)
                yield Stock(f"http://127.0.0.1:{port}/webhooks/twilio/webhook", notes)
            finally:
                for process in (server, provider):
                    if process.returncode is None:
                        process.terminate()
                        await process.wait()


async def _ready(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    answer = await client.get(f"http://127.0.0.1:{port}/webhooks/twilio/")
                    if answer.status_code == 200:
                        return
            await asyncio.sleep(0.2)
    raise RuntimeError("stock Rasa did not start")
