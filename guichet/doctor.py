"""What is wrong with an installation, and how to mend it."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import httpx
from redis.exceptions import RedisError

from guichet import redis_server
from guichet.settings import Settings, SettingsError, load_settings, running
from guichet.supervisor import RASA_MODEL, RASA_PYTHON

State = Literal["good", "off", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    state: State
    what: str
    how_to_mend: str = ""

    def line(self) -> str:
        mark = {"good": "ok   ", "off": "off  ", "wrong": "WRONG"}[self.state]
        return f"{mark}  {self.what}" + (
            f"\n       -> {self.how_to_mend}" if self.how_to_mend else ""
        )


async def examine() -> list[Finding]:
    """Look at everything; the first findings are what the later ones need."""
    try:
        settings = load_settings()
        settings.secret()
    except SettingsError as error:
        return [Finding("wrong", "settings", str(error))]
    return [
        Finding("good", f"settings, data in {settings.data_dir}"),
        *_installed(settings),
        *await _redis(settings),
        *await _processes(settings),
        *_channels(settings),
        await _desk(settings),
        *_desk_extras(settings),
        _media(),
        _fonts(),
    ]


def _installed(settings: Settings) -> list[Finding]:
    import knowledge_base.check as check
    from knowledge_base.model import ModelError, Understanding

    findings = []
    for path, name, mend in (
        (RASA_PYTHON, "Rasa's environment", "make setup"),
        (RASA_MODEL, "Rasa's model", "make train"),
    ):
        findings.append(
            Finding("good", f"{name}: {path}")
            if path.exists()
            else Finding("wrong", f"{name} is missing: {path}", mend)
        )
    try:
        model = Understanding.load(settings.model_dir)
        findings.append(Finding("good", f"knowledge base model: {len(model.articles)} articles"))
    except ModelError as error:
        findings.append(Finding("wrong", f"knowledge base model: {error}", "guichet kb train"))
    faults, summary = check.run()
    findings.append(
        Finding("wrong", f"texts and facts: {len(faults)} faults", "guichet kb check")
        if faults
        else Finding("good", f"texts and facts: {summary}")
    )
    return findings


async def _redis(settings: Settings) -> list[Finding]:
    state = running(settings)
    if settings.redis_url is None and state is None:
        try:
            command = redis_server.embedded_command(settings)
        except SettingsError as error:
            return [Finding("wrong", "Redis", str(error))]
        return [Finding("good", f"embedded Redis: {command[0]} (not running now)")]
    url = settings.redis_url or (state or {})["redis_url"]
    client = redis_server.connect(url)
    try:
        await client.set("guichet:doctor", "1", ex=5)
        fsync = (await client.config_get("appendfsync")).get("appendfsync")
        findings = [Finding("good", f"Redis takes writes: {url.rpartition('@')[2]}")]
        if fsync != "always":
            findings.append(
                Finding(
                    "wrong",
                    f"Redis has appendfsync {fsync}: a power cut may lose a second of messages",
                    "CONFIG SET appendonly yes; CONFIG SET appendfsync always",
                )
            )
        return findings
    except RedisError as error:
        return [Finding("wrong", f"Redis: {type(error).__name__}", "is GUICHET_REDIS_URL right?")]
    finally:
        await client.aclose()


async def _processes(settings: Settings) -> list[Finding]:
    state = running(settings)
    if state is None:
        return [Finding("off", "Guichet is not running", "guichet up")]
    findings = []
    async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
        for name, url in (
            ("knowledge base", f"{state['kb_url']}/health"),
            ("Rasa", f"{state['rasa_url']}/status"),
            ("gateway", f"{state['gateway_url']}/health"),
        ):
            try:
                status = str((await client.get(url)).status_code)
            except httpx.HTTPError as error:
                status = type(error).__name__
            log = settings.data_dir / "log"
            findings.append(
                Finding("good", f"{name} answers: {url}")
                if status == "200"
                else Finding("wrong", f"{name}: {status} from {url}", f"see the logs in {log}")
            )
    return findings


def _channels(settings: Settings) -> list[Finding]:
    findings = []
    for name, missing in (
        ("SMS", settings.sms_missing()),
        ("WhatsApp", settings.whatsapp_missing()),
        ("Telegram", settings.telegram_missing()),
    ):
        if missing:
            findings.append(
                Finding("off", name, f"set {', '.join(missing)}; README, Connecting a channel")
            )
        else:
            findings += _channel(settings, name)
    return findings


def _channel(settings: Settings, name: str) -> list[Finding]:
    """What is to be said of a channel that is configured."""
    number = settings.twilio_sms_from or ""
    sender = settings.twilio_whatsapp_from or ""
    if name == "SMS" and not number.startswith(("+", "MG")) and not number.isdigit():
        return [Finding("wrong", "GUICHET_TWILIO_SMS_FROM", "write it as +33757… or a service MG…")]
    if name == "WhatsApp" and not sender.removeprefix("whatsapp:").startswith(("+", "MG")):
        return [Finding("wrong", "GUICHET_TWILIO_WHATSAPP_FROM", "write it as whatsapp:+33757…")]
    if name == "Telegram" and settings.telegram_mode == "polling":
        return [Finding("good", "Telegram by long polling")]
    if settings.public_url is None:
        return [
            Finding(
                "wrong",
                f"{name}: GUICHET_PUBLIC_URL is not set: behind a proxy no signature will hold",
                "set it to the https address that providers call",
            )
        ]
    if not settings.public_url.startswith("https://"):
        return [Finding("wrong", f"{name}: GUICHET_PUBLIC_URL is not https", "use https")]
    path = {
        "SMS": "twilio/sms",
        "WhatsApp": "twilio/whatsapp",
        "Telegram": "telegram/webhook",
    }[name]
    return [Finding("good", f"{name}: webhook {settings.public_url}/{path}")]


async def _desk(settings: Settings) -> Finding:
    url = settings.redis_url or (running(settings) or {}).get("redis_url")
    how = "guichet advisors add NAME; docs/desk.md"
    if url is None:
        return Finding("off", "the desk: Guichet is not running", "guichet up")
    client = redis_server.connect(url)
    try:
        count = await client.scard("guichet:{desk}:active")
    except RedisError as error:
        return Finding("wrong", f"the desk: {type(error).__name__}", "is GUICHET_REDIS_URL right?")
    finally:
        await client.aclose()
    if not count:
        return Finding("off", "the desk: no advisors, so nobody is promised one", how)
    opening = settings.hours().next_opening(datetime.now(UTC))
    if opening is None:
        return Finding("wrong", "the desk never opens", "set GUICHET_DESK_HOURS")
    return Finding("good", f"the desk: {count} advisors, next opening {opening:%Y-%m-%d %H:%M}")


def _desk_extras(settings: Settings) -> list[Finding]:
    """What an advisor may have besides."""
    findings = []
    if settings.mail_server() is None:
        mend = "set GUICHET_SMTP_URL and GUICHET_SMTP_FROM"
        findings.append(Finding("off", "e-mail to advisors", mend))
    else:
        findings.append(Finding("good", "e-mail to advisors"))
    if settings.open_id_issuer:
        findings.append(Finding("good", f"sign-in by {settings.open_id_issuer}"))
    how = "GUICHET_TRANSLATOR: argos or a LibreTranslate server; docs/desk.md"
    if not settings.translator:
        findings.append(Finding("off", "translation at the desk", how))
    elif settings.translator == "argos" and importlib.util.find_spec("argostranslate") is None:
        findings.append(
            Finding("wrong", "translation: Argos is not installed", "pip install argostranslate")
        )
    else:
        findings.append(Finding("good", f"translation at the desk: {settings.translator}"))
    return findings


def _media() -> Finding:
    if shutil.which("tesseract") is not None:
        return Finding("good", "Tesseract reads photos of error screens")
    return Finding(
        "off",
        "reading photos: Tesseract is not installed",
        "apt install tesseract-ocr tesseract-ocr-fra; without it photos are only kept",
    )


def _fonts() -> Finding:
    from desk import fonts

    missing = fonts.missing()
    if not missing:
        return Finding("good", "summaries as PDF in every script")
    return Finding(
        "off",
        f"summaries as PDF: no font for {', '.join(missing)}",
        "apt install fonts-noto-core fonts-noto-cjk; the summary as text has every script",
    )
