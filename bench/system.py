"""A whole Guichet and a provider for a benchmark, on a temporary folder; all ends with it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.twilio_stand_in import ACCOUNT_SID, AUTH_TOKEN, NUMBER
from guichet import supervisor
from guichet.settings import ROOT, Settings, load_settings, running


@dataclass
class Bench:
    """What runs, and where."""

    folder: Path
    settings: Settings
    supervisor: supervisor.Supervisor
    provider: asyncio.subprocess.Process
    provider_port: int
    latency_s: float
    _taken: list[dict[str, Any]] = field(default_factory=list)
    _read: int = 0

    @property
    def notes(self) -> Path:
        return self.folder / "provider.jsonl"

    @property
    def gateway(self) -> str:
        state = running(self.settings)
        assert state is not None
        return state["gateway_url"]

    def taken(self) -> list[dict[str, Any]]:
        """What the provider took, in order: `to`, `body`, `at` (time.time())."""
        if self.notes.exists():
            with self.notes.open("rb") as file:
                file.seek(self._read)
                content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            self._read += len(whole)
            self._taken += [json.loads(line) for line in whole.splitlines()]
        return self._taken

    async def count(self, wanted: int, patience_s: float) -> list[dict[str, Any]]:
        """What was taken, once it is so much or nothing has come for so long."""
        return await self._until(lambda: len(self._taken) >= wanted, patience_s)

    async def answered(self, senders: set[str], patience_s: float) -> list[dict[str, Any]]:
        """What was taken, once each of these has had an answer or nothing comes any more."""
        seen: set[str] = set()
        looked = 0

        def all_of_them() -> bool:
            nonlocal looked
            seen.update(note["to"] for note in self._taken[looked:])
            looked = len(self._taken)
            return senders <= seen

        return await self._until(all_of_them, patience_s)

    async def _until(self, done: Callable[[], bool], patience_s: float) -> list[dict[str, Any]]:
        quiet = 0.0
        while True:
            known = len(self._taken)
            self.taken()
            if done() or quiet >= patience_s:
                return self._taken
            quiet = 0.0 if len(self._taken) > known else quiet + 0.1
            await asyncio.sleep(0.1)

    async def start_provider(self) -> None:
        self.provider = await _provider(self.provider_port, self.latency_s, self.notes)


@asynccontextmanager
async def bench(
    latency_s: float,
    parts: Collection[str] | None = None,
    gateway_processes: int = 1,
    workers: int = 1,
) -> AsyncIterator[Bench]:
    """Start it; `parts` as supervisor.up names them, None for all."""
    model = load_settings().model_dir.resolve()
    port = supervisor.free_port()
    before = dict(os.environ)
    with TemporaryDirectory(prefix="guichet-bench-") as name:
        folder = Path(name)
        # A copy: what is trained meanwhile is not what is measured.
        model = Path(shutil.copytree(model, folder / "model"))
        os.environ.update(
            {
                "GUICHET_TWILIO_ACCOUNT_SID": ACCOUNT_SID,
                "GUICHET_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
                "GUICHET_TWILIO_SMS_FROM": NUMBER,
                "GUICHET_TWILIO_SMS_PER_SECOND": "0",
                "GUICHET_MESSAGES_A_MINUTE": "0",
                "GUICHET_TWILIO_API_URL": f"http://127.0.0.1:{port}",
                "GUICHET_KB_MODEL": str(model),
                "GUICHET_GATEWAY_PROCESSES": str(gateway_processes),
                "GUICHET_WORKERS": str(workers),
            }
        )
        settings = Settings(
            data_dir=folder,
            kb_model=model,
            port=0,
            gateway_processes=gateway_processes,
            workers=workers,
        )
        provider = await _provider(port, latency_s, folder / "provider.jsonl")
        started = await supervisor.up(settings, _quiet, set(parts) if parts is not None else None)
        it = Bench(folder, settings, started, provider, port, latency_s)
        try:
            yield it
        finally:
            await supervisor.down(settings, started)
            if it.provider.returncode is None:
                it.provider.terminate()
                await it.provider.wait()
            os.environ.clear()
            os.environ.update(before)


async def _provider(port: int, latency_s: float, notes: Path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.provider", str(port), str(latency_s), str(notes), cwd=ROOT
    )
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        await asyncio.sleep(0.05)
    raise RuntimeError("the provider's stand-in did not start")


def _quiet(text: str) -> None:
    """Starting says nothing in a benchmark."""
