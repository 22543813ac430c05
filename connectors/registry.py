"""Which channels there are, and which are configured."""

from __future__ import annotations

from redis.asyncio import Redis

from connectors.channels import Channel
from connectors.telegram import Telegram
from connectors.terminal import Terminal
from connectors.twilio import TwilioSms, TwilioWhatsApp
from guichet.settings import Settings
from guichet.vault import Vault


def make_channels(settings: Settings, redis: Redis, vault: Vault) -> dict[str, Channel]:
    """The channels that are configured, by name; the terminal always is."""
    terminals = [Terminal(redis, vault, sms) for sms in (False, True)]
    return {**webhook_channels(settings), **{each.name: each for each in terminals}}


def webhook_channels(settings: Settings) -> dict[str, Channel]:
    """Those that a provider calls."""
    channels: list[Channel] = []
    if not settings.sms_missing():
        channels.append(TwilioSms(settings))
    if not settings.whatsapp_missing():
        channels.append(TwilioWhatsApp(settings))
    if not settings.telegram_missing():
        channels.append(Telegram(settings))
    return {channel.name: channel for channel in channels}
