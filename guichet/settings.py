"""Settings: every GUICHET_* variable, read once. `.env.example` lists each."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from guichet.hours import Hours
from guichet.hours import parse as parse_hours

ROOT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which and how to mend it."""


def _without_slash(url: str | None) -> str | None:
    return url.rstrip("/") if url else None


Url = Annotated[str | None, AfterValidator(_without_slash)]


@dataclass(frozen=True)
class MailServer:
    """An SMTP server that takes our e-mail."""

    host: str
    port: int
    encrypted: bool  #: TLS from the first byte; otherwise STARTTLS
    user: str
    password: str = field(repr=False)
    sender: str


class Settings(BaseSettings):
    """What the environment (or a `.env` file) says. See `.env.example`."""

    model_config = SettingsConfigDict(env_prefix="GUICHET_", env_file=".env", extra="ignore")

    data_dir: Path = ROOT / "var"
    production: bool = False
    secret_key: SecretStr | None = None
    previous_secret_keys: SecretStr | None = None
    redis_url: Url = None
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: Url = None
    messages_a_minute: Annotated[int, Field(ge=0)] = 60
    gateway_processes: Annotated[int, Field(ge=1, le=64)] = 1
    workers: Annotated[int, Field(ge=1, le=64)] = 1

    rasa_url: Url = None
    kb_url: Url = None
    kb_model: Path | None = None
    encoder: str | None = None

    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_sms_from: str | None = None
    twilio_whatsapp_from: str | None = None
    twilio_api_url: Url = None
    twilio_sms_per_second: Annotated[float | None, Field(ge=0)] = None
    twilio_whatsapp_quick_replies: dict[str, str] = {}
    twilio_whatsapp_reminder: str | None = None
    sms_segments: Annotated[int, Field(ge=1, le=10)] = 4

    telegram_token: SecretStr | None = None
    telegram_secret: SecretStr | None = None
    telegram_api_url: Url = None
    telegram_mode: Literal["webhook", "polling"] = "webhook"

    desk_hours: str = "mo-fr 09:00-17:00"
    desk_holidays: str = "FR"
    desk_absences: str = ""
    desk_timezone: str = "Europe/Paris"
    desk_capacity: Annotated[int, Field(ge=1, le=100)] = 5
    claim_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15
    alert_seconds: Annotated[int, Field(ge=0, le=24 * 3600)] = 60
    smtp_url: SecretStr | None = None
    smtp_from: str | None = None
    translator: Url = None
    translator_key: SecretStr | None = None
    open_id_issuer: Url = None
    open_id_client_id: str | None = None
    open_id_client_secret: SecretStr | None = None
    open_id_claim: str = "email"

    @model_validator(mode="after")
    def _values_are_readable(self) -> Self:
        self.hours()
        self.mail_server()
        self._open_id_is_safe()
        if self.translator not in (None, "", "argos") and not str(self.translator).startswith(
            "http"
        ):
            raise ValueError("GUICHET_TRANSLATOR: argos, or the address of a LibreTranslate server")
        return self

    def _open_id_is_safe(self) -> None:
        if not self.open_id_issuer:
            return
        parts = urlsplit(self.open_id_issuer)
        here = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and here):
            raise ValueError("GUICHET_OPEN_ID_ISSUER: an https address is expected")
        if not self.open_id_client_id:
            raise ValueError("GUICHET_OPEN_ID_CLIENT_ID is not set")

    def mail_server(self) -> MailServer | None:
        """Where e-mail to advisors goes out; None when it is not set up. Raises ValueError."""
        url = self.smtp_url.get_secret_value() if self.smtp_url is not None else ""
        if not url or not self.smtp_from:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            # Not the value: it holds a password.
            raise ValueError("GUICHET_SMTP_URL: smtp://USER:PASSWORD@HOST:587 is expected")
        encrypted = parts.scheme == "smtps"
        return MailServer(
            parts.hostname,
            parts.port or (465 if encrypted else 587),
            encrypted,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            self.smtp_from,
        )

    def letter_url(self, token: str) -> str:
        """The private address of a letter, as short as it gets."""
        return f"{self._origin}/l/{token}"

    @property
    def desk_url(self) -> str:
        """The address of the desk, for links in alerts."""
        return f"{self._origin}/desk"

    @property
    def _origin(self) -> str:
        return self.public_url or f"http://{self.host}:{self.port}"

    def hours(self) -> Hours:
        """When advisors are there. Raises ValueError."""
        try:
            return parse_hours(
                self.desk_hours, self.desk_holidays, self.desk_absences, self.desk_timezone
            )
        except (ValueError, KeyError) as error:  # KeyError: no such time zone
            raise ValueError(
                f"GUICHET_DESK_HOURS, _HOLIDAYS, _ABSENCES, _TIMEZONE: {error}"
            ) from None

    @property
    def model_dir(self) -> Path:
        """Where `guichet kb train` puts the encoder and index."""
        return self.kb_model or self.data_dir / "knowledge_base"

    @property
    def run_file(self) -> Path:
        """Written by the supervisor: process id and addresses of what runs."""
        return self.data_dir / "run.json"

    def sms_missing(self) -> list[str]:
        """The variables still to be set before SMS works; empty when it does."""
        wanted = {
            "GUICHET_TWILIO_ACCOUNT_SID": self.twilio_account_sid,
            "GUICHET_TWILIO_AUTH_TOKEN": self.twilio_auth_token,
            "GUICHET_TWILIO_SMS_FROM": self.twilio_sms_from,
        }
        return [name for name, value in wanted.items() if not value]

    def whatsapp_missing(self) -> list[str]:
        """The variables still to be set before WhatsApp works; empty when it does."""
        wanted = {
            "GUICHET_TWILIO_ACCOUNT_SID": self.twilio_account_sid,
            "GUICHET_TWILIO_AUTH_TOKEN": self.twilio_auth_token,
            "GUICHET_TWILIO_WHATSAPP_FROM": self.twilio_whatsapp_from,
        }
        return [name for name, value in wanted.items() if not value]

    def telegram_missing(self) -> list[str]:
        """The variables still to be set before Telegram works; empty when it does.

        The secret is only for webhooks: without one nobody could tell a forged call.
        """
        wanted = {"GUICHET_TELEGRAM_TOKEN": self.telegram_token}
        if self.telegram_mode == "webhook":
            wanted["GUICHET_TELEGRAM_SECRET"] = self.telegram_secret
        return [name for name, value in wanted.items() if not value]

    def secret(self) -> str:
        """The secret key; made and kept in the data folder when unset.

        Raises SettingsError in production, where it must be set.
        """
        if self.secret_key is not None and self.secret_key.get_secret_value():
            return self.secret_key.get_secret_value()
        if self.production:
            raise SettingsError(
                "GUICHET_SECRET_KEY is not set. Production needs one of its own, "
                "for example: openssl rand -base64 32"
            )
        path = self.data_dir / "secret.key"
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            pass
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x") as file:
                path.chmod(0o600)
                file.write(secrets.token_urlsafe(32))
        except FileExistsError:
            pass  # another process was first: its key is the key
        return path.read_text().strip()

    def secret_keys(self) -> list[str]:
        """The secret key, then earlier ones that may still open what is kept."""
        earlier = self.previous_secret_keys
        older = earlier.get_secret_value().split(",") if earlier is not None else []
        return [self.secret(), *(key.strip() for key in older if key.strip())]


def load_settings() -> Settings:
    """Read the environment. Raises SettingsError with one line a fault."""
    try:
        return Settings()
    except ValidationError as error:
        # Not str(error): it repeats the values, which may be secret.
        lines = [
            f"GUICHET_{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise SettingsError("\n".join(lines)) from None


def running(settings: Settings) -> dict[str, str] | None:
    """Addresses of the processes a supervisor of this data folder runs, or None.

    Keys: `pid`, `redis_url`, `kb_url`, `rasa_url`, `gateway_url`.
    """
    try:
        state: dict[str, str] = json.loads(settings.run_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return state if Path(f"/proc/{state['pid']}").exists() else None
