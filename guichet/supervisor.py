"""One supervisor for every process of one machine: start, watch, restart, stop."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from redis.exceptions import RedisError

from guichet import redis_server
from guichet.settings import ROOT, Settings, SettingsError, running

#: Seconds between looks at a healthy process, and how long one may be unwell.
LOOK_S = 2.0
UNWELL_S = 20.0
#: Seconds a process may take to become ready, and to stop.
READY_S = 120.0
STOP_S = 10.0
RESTART_WAITS_S = (0.2, 1.0, 3.0, 10.0)
LARGEST_LOG = 10_000_000

RASA_PYTHON = ROOT / "bot" / ".venv" / "bin" / "python"
RASA_MODEL = ROOT / "bot" / "models" / "guichet.tar.gz"

Check = Callable[[], Awaitable[bool]]
Say = Callable[[str], None]


@dataclass
class Process:
    """One process to keep alive."""

    name: str
    command: list[str]
    healthy: Check
    where: str = ""  #: for people: the address it listens on
    environment: Mapping[str, str] = field(default_factory=dict)
    running: asyncio.subprocess.Process | None = None
    restarts: int = 0


class StartFailed(Exception):
    """A process did not become ready; the text names it and its log."""


class Supervisor:
    """Runs processes in order, the first being what the others need."""

    def __init__(self, settings: Settings, processes: list[Process], say: Say) -> None:
        self._settings = settings
        self._processes = processes
        self._say = say
        self._logs = settings.data_dir / "log"
        self._watchers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start all; the first alone, the rest side by side. Raises StartFailed."""
        self._logs.mkdir(parents=True, exist_ok=True)
        first, *others = self._processes
        try:
            await self._start(first)
            await asyncio.gather(*(self._start(process) for process in others))
        except BaseException:
            await self.stop()
            raise
        self._watchers = [asyncio.create_task(self._watch(p)) for p in self._processes]

    def pids(self) -> dict[str, int]:
        """Process ids of what runs, by name."""
        return {p.name: p.running.pid for p in self._processes if p.running is not None}

    async def stop(self) -> None:
        """Stop all, the first last, so that the others can finish their writes."""
        # Until they end: a client that is just connecting may swallow the first cancellation.
        while pending := [watcher for watcher in self._watchers if not watcher.done()]:
            for watcher in pending:
                watcher.cancel()
            await asyncio.wait(pending, timeout=0.2)
        first, *others = self._processes
        await asyncio.gather(*(_terminate(process) for process in others))
        await _terminate(first)

    async def _start(self, process: Process) -> None:
        began = time.monotonic()
        await self._spawn(process)
        told = began
        while not await process.healthy():
            child = process.running
            if child is None or child.returncode is not None:
                raise StartFailed(f"{process.name} ended at once: see {self._log(process)}")
            now = time.monotonic()
            if now - began > READY_S:
                raise StartFailed(
                    f"{process.name} not ready after {READY_S:.0f} s: see {self._log(process)}"
                )
            if now - told > 5:
                self._say(f"  {process.name:15} starting … {now - began:.0f} s")
                told = now
            await asyncio.sleep(0.05)
        self._say(f"  {process.name:15} ready {time.monotonic() - began:5.1f} s   {process.where}")

    async def _spawn(self, process: Process) -> None:
        path = self._log(process)
        if path.exists() and path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            process.running = await asyncio.create_subprocess_exec(
                *process.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **process.environment},
                start_new_session=True,  # Ctrl-C is the supervisor's to handle
                preexec_fn=_die_with_parent,
            )

    async def _watch(self, process: Process) -> None:
        """Restart a process that died, or that has been unwell for UNWELL_S."""
        patience_ends = time.monotonic() + UNWELL_S
        started = time.monotonic()
        while True:
            child = process.running
            assert child is not None  # _start has run
            # Not wait_for: before Python 3.12 it swallows a cancellation as it times out.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await child.wait()
            now = time.monotonic()
            if child.returncode is not None:
                if now - started > READY_S:
                    process.restarts = 0  # it had lived well: no need to wait long
                wait = RESTART_WAITS_S[min(process.restarts, len(RESTART_WAITS_S) - 1)]
                process.restarts += 1
                self._say(
                    f"  {process.name:15} ended (exit {child.returncode}), "
                    f"starting again in {wait:g} s"
                )
                await asyncio.sleep(wait)
                await self._spawn(process)
                started = time.monotonic()
                patience_ends = started + READY_S
            elif await process.healthy():
                patience_ends = now + UNWELL_S
            elif now > patience_ends:
                self._say(f"  {process.name:15} does not answer: ending it")
                await _terminate(process)

    def _log(self, process: Process) -> Path:
        return self._logs / f"{process.name.replace(' ', '-')}.log"


async def up(settings: Settings, say: Say, parts: set[str] | None = None) -> Supervisor:
    """Start everything, or only the named parts, and write the run file.

    Returns once all are healthy. Raises SettingsError when it already runs or a model
    is missing, StartFailed when a process does not start.
    """
    if running(settings) is not None:
        raise SettingsError(f"Guichet already runs on {settings.data_dir}")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    processes, addresses = plan(settings)
    if parts is not None:
        processes = [process for process in processes if process.name in parts]
    supervisor = Supervisor(settings, processes, say)
    await supervisor.start()
    settings.run_file.write_text(json.dumps({"pid": str(os.getpid()), **addresses}))
    return supervisor


async def down(settings: Settings, supervisor: Supervisor) -> None:
    """Stop everything `up` started."""
    settings.run_file.unlink(missing_ok=True)
    await supervisor.stop()


def plan(settings: Settings) -> tuple[list[Process], dict[str, str]]:
    """The processes to run, and the addresses other commands find them under."""
    for path, command in (
        (RASA_PYTHON, "make setup"),
        (RASA_MODEL, "make train"),
        (settings.model_dir / "model.json", "guichet kb train"),
    ):
        if not path.exists():
            raise SettingsError(f"{path} is missing: run `{command}`")
    redis_url = settings.redis_url or redis_server.embedded_url(settings)
    kb_url = settings.kb_url or f"http://127.0.0.1:{free_port()}"
    rasa_url = settings.rasa_url or f"http://127.0.0.1:{free_port()}"
    port = settings.port or free_port()
    gateway_url = f"http://{settings.host}:{port}"
    environment = {
        "GUICHET_DATA_DIR": str(settings.data_dir.resolve()),
        "GUICHET_REDIS_URL": redis_url,
        "GUICHET_KB_URL": kb_url,
        "GUICHET_RASA_URL": rasa_url,
        "GUICHET_PORT": str(port),
        "GUICHET_SECRET_KEY": settings.secret(),
        "GUICHET_PREVIOUS_SECRET_KEYS": ",".join(settings.secret_keys()[1:]),
        "GUICHET_RETENTION_DAYS": str(settings.retention_days),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        # The work is small; threads only get in each other's way on a small server.
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    processes = []
    if settings.redis_url is None:
        processes.append(
            Process(
                "redis",
                redis_server.embedded_command(settings),
                lambda: _redis_answers(redis_url),
                redis_url.removeprefix("unix://"),
            )
        )
    if settings.kb_url is None:
        processes.append(
            Process(
                "knowledge base",
                [sys.executable, "-m", "knowledge_base.service"],
                lambda: _answers(f"{kb_url}/health"),
                kb_url,
                environment,
            )
        )
    if settings.rasa_url is None:
        processes.append(
            Process(
                "rasa",
                rasa_command(rasa_url),
                lambda: _answers(f"{rasa_url}/status"),
                rasa_url,
                {**environment, **RASA_ENVIRONMENT},
            )
        )
    for number in range(1, settings.workers + 1):
        processes.append(
            Process(
                "worker" if settings.workers == 1 else f"worker {number}",
                [sys.executable, "-m", "connectors.worker"],
                lambda: _worker_beats(redis_url),
                "",
                environment,
            )
        )
    processes.append(
        Process(
            "gateway",
            [sys.executable, "-m", "guichet.web"],
            lambda: _answers(f"{gateway_url}/health"),
            gateway_url,
            environment,
        )
    )
    if settings.telegram_mode == "polling" and not settings.telegram_missing():
        processes.append(
            Process(
                "telegram",
                [sys.executable, "-m", "connectors.telegram_polling"],
                lambda: _key_is_there(redis_url, "guichet:telegram-polling"),
                "long polling",
                environment,
            )
        )
    addresses = {
        "redis_url": redis_url,
        "kb_url": kb_url,
        "rasa_url": rasa_url,
        "gateway_url": gateway_url,
    }
    return processes, addresses


#: Rasa 3.6 is old: its libraries warn about each other, and TensorFlow talks.
RASA_ENVIRONMENT = {
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONWARNINGS": "ignore",
    "LOG_LEVEL": "WARNING",
}


def rasa_command(url: str) -> list[str]:
    """The Rasa server, on loopback."""
    port = url.rpartition(":")[2]
    return [
        str(RASA_PYTHON), "-m", "rasa", "run", "--enable-api",
        "--model", str(RASA_MODEL),
        "--endpoints", "bot/endpoints.yml",
        "--credentials", "bot/credentials.yml",
        "--interface", "127.0.0.1",
        "--port", port,
    ]  # fmt: skip


async def _terminate(process: Process) -> None:
    child = process.running
    if child is None or child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP_S)
        except TimeoutError:
            os.killpg(child.pid, signal.SIGKILL)
            await child.wait()


async def _answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            return (await client.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


async def _redis_answers(url: str) -> bool:
    client = redis_server.connect(url)
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()


async def _worker_beats(url: str) -> bool:
    """A worker has shown a sign of life in the last seconds."""
    client = redis_server.connect(url)
    try:
        return await client.zcount("guichet:workers", time.time() - 5, "+inf") > 0
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()


async def _key_is_there(url: str, key: str) -> bool:
    client = redis_server.connect(url)
    try:
        return bool(await client.exists(key))
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """Ask Linux to end this child should the supervisor be killed outright."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
