"""Twilio's stand-in as a process of its own, which may be killed: it notes what it took in a file.

python -m bench.provider PORT LATENCY_S FILE
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

import uvicorn

from bench.twilio_stand_in import ACCOUNT_SID, AUTH_TOKEN
from bench.welcome import welcomes

_WELCOMES = welcomes()
_BASIC = b"Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode())


class Provider:
    """An ASGI application of one route, light enough not to be what is measured."""

    def __init__(self, latency_s: float, file: Path) -> None:
        self._latency_s = latency_s
        # Unbuffered: what was acknowledged is in the file, whatever kills this process.
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def __call__(self, scope: dict, receive, send) -> None:  # type: ignore[no-untyped-def, type-arg]
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        headers = dict(scope["headers"])
        status, answer = 201, {}
        if headers.get(b"authorization") != _BASIC:
            status, answer = 401, {"code": 20003, "message": "Authenticate", "status": 401}
        elif scope["method"] == "POST":
            form = parse_qs(body.decode())
            if self._latency_s:
                await asyncio.sleep(self._latency_s)
            sid = "SM" + secrets.token_hex(16)
            note = {"to": form["To"][0], "body": form.get("Body", [""])[0], "at": time.time()}
            if note["body"] not in _WELCOMES:
                os.write(self._file, json.dumps(note).encode() + b"\n")
            answer = {"sid": sid, "status": "queued", "to": note["to"], "body": note["body"]}
        content = json.dumps(answer).encode()
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json")],
            }
        )
        await send({"type": "http.response.body", "body": content})


def main() -> None:
    port, latency_s, file = sys.argv[1:]
    uvicorn.run(
        Provider(float(latency_s), Path(file)),
        host="127.0.0.1",
        port=int(port),
        log_level="warning",
        access_log=False,
        lifespan="off",
    )


if __name__ == "__main__":
    main()
