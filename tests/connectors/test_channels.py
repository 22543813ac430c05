"""One contract for every connector: what is forged is refused, errors come in our terms."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import telegram_stand_in as telegram
from bench import twilio_stand_in as twilio
from connectors.channels import (
    Channel,
    Refused,
    SendLater,
    SendNever,
    Unsubscribed,
    Webhook,
    WindowClosed,
)
from connectors.records import Button, Inbound, Outbound
from connectors.registry import webhook_channels
from guichet.settings import Settings

NAMES = ("sms", "whatsapp", "telegram")
ADDRESS = {"sms": "+33612345678", "whatsapp": "+33612345678", "telegram": "77"}


@dataclass
class Providers:
    """Every channel, and the stand-ins of their providers."""

    channels: dict[str, Channel]
    twilio: twilio.TwilioStandIn
    telegram: telegram.TelegramStandIn

    def taken(self) -> int:
        return len(self.twilio.sent) + len(self.telegram.of("sendMessage"))

    def fail(self, name: str, status: int, code: int, after_s: int | None = None) -> None:
        """Let the provider answer so, once."""
        if name == "telegram":
            parameters = {"retry_after": after_s} if after_s else {}
            self.telegram.failures.append((status, "Error", parameters))
        else:
            headers = {"Retry-After": str(after_s)} if after_s else {}
            self.twilio.failures.append((status, code, headers))


def make_settings(**fields: Any) -> Settings:
    return Settings.model_validate(
        {
            "public_url": "https://guichet.example",
            "twilio_account_sid": twilio.ACCOUNT_SID,
            "twilio_auth_token": twilio.AUTH_TOKEN,
            "twilio_sms_from": twilio.NUMBER,
            "twilio_whatsapp_from": twilio.WHATSAPP_NUMBER,
            "telegram_token": telegram.TOKEN,
            "telegram_secret": telegram.SECRET,
            **fields,
        }
    )


@pytest_asyncio.fixture
async def providers() -> AsyncIterator[Providers]:
    async with (
        twilio.serve(twilio.TwilioStandIn()) as twilio_,
        telegram.serve(telegram.TelegramStandIn()) as telegram_,
    ):
        channels = webhook_channels(
            make_settings(twilio_api_url=twilio_.url, telegram_api_url=telegram_.url)
        )
        yield Providers(channels, twilio_, telegram_)
        for channel in channels.values():
            await channel.close()


def webhook(name: str, text: str) -> Webhook:
    """A call of the provider that brings a text."""
    if name == "telegram":
        body = json.dumps(telegram.text_update(77, text)).encode()
        headers = {"x-telegram-bot-api-secret-token": telegram.SECRET}
        return Webhook("https://guichet.example/telegram/webhook", headers, body)
    sender = ("whatsapp:" if name == "whatsapp" else "") + ADDRESS[name]
    form = twilio.webhook_form(sender, text)
    url = f"https://guichet.example/twilio/{name}"
    headers = {
        "x-twilio-signature": twilio.sign(url, form),
        "content-type": "application/x-www-form-urlencoded",
    }
    return Webhook(url, headers, urlencode(form).encode())


def outbound(name: str, text: str = "Bonjour") -> Outbound:
    return Outbound(name, ADDRESS[name], text, (Button("Oui", "h"), Button("Non", "m")))


@pytest.mark.parametrize("name", NAMES)
async def test_a_signed_call_is_read(providers: Providers, name: str) -> None:
    channel, call = providers.channels[name], webhook(name, " Bonjour سلام 😀 ")
    channel.admit(call.headers)
    channel.verify(call)
    [message] = channel.parse(call)
    assert (message.channel, message.address, message.kind, message.text) == (
        name, ADDRESS[name], "text", "Bonjour سلام 😀",
    )  # fmt: skip
    assert Inbound.from_json(message.to_json()) == message


@pytest.mark.parametrize("name", NAMES)
async def test_a_call_without_its_proof_is_refused_by_its_headers(
    providers: Providers, name: str
) -> None:
    with pytest.raises(Refused) as refusal:
        providers.channels[name].admit({"content-type": "application/x-www-form-urlencoded"})
    assert refusal.value.status == 403


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("proof", ["x", "é", "A" * 10_000])
async def test_a_forged_call_is_refused(providers: Providers, name: str, proof: str) -> None:
    call = webhook(name, "bonjour")
    forged = {key: proof if "content" not in key else value for key, value in call.headers.items()}
    with pytest.raises(Refused) as refusal:
        providers.channels[name].verify(replace(call, headers=forged))
    assert refusal.value.status == 403


@pytest.mark.parametrize("name", ["sms", "whatsapp"])
async def test_a_changed_body_is_refused(providers: Providers, name: str) -> None:
    call = webhook(name, "bonjour")
    with pytest.raises(Refused):
        providers.channels[name].verify(replace(call, body=call.body + b"&Body=autre"))


async def test_telegram_without_a_secret_of_ours_takes_nothing() -> None:
    assert "telegram" not in webhook_channels(make_settings(telegram_secret=None))
    polling = make_settings(telegram_secret=None, telegram_mode="polling")
    channel = webhook_channels(polling)["telegram"]
    for headers in ({}, {"x-telegram-bot-api-secret-token": ""}):
        with pytest.raises(Refused) as refusal:
            channel.admit(headers)
        assert refusal.value.status == 403


@pytest.mark.parametrize("name", NAMES)
async def test_a_message_is_given_to_the_provider_with_its_choices(
    providers: Providers, name: str
) -> None:
    assert await providers.channels[name].send(outbound(name))
    if name == "telegram":
        [call] = providers.telegram.of("sendMessage")
        assert call.fields["text"] == "Bonjour"
        rows = call.fields["reply_markup"]["inline_keyboard"]
        assert [row[0]["callback_data"] for row in rows] == ["h", "m"]
    elif name == "whatsapp":
        assert providers.twilio.sent[0].body == "Bonjour\n\n1 Oui\n2 Non"
        assert providers.twilio.sent[0].callback == "https://guichet.example/twilio/status"
    else:
        assert providers.twilio.sent[0].body == "Bonjour"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("status", "code", "after_s", "error"),
    [
        (429, 20429, 3, SendLater),
        (500, 20500, None, SendLater),
        (502, 20502, None, SendLater),
        (400, 30006, None, SendNever),
    ],
)
async def test_errors_come_in_our_terms(
    providers: Providers,
    name: str,
    status: int,
    code: int,
    after_s: int | None,
    error: type[Exception],
) -> None:
    providers.fail(name, status, code, after_s)
    with pytest.raises(error) as raised:
        await providers.channels[name].send(outbound(name))
    assert "612345678" not in str(raised.value)
    if isinstance(raised.value, SendLater) and after_s:
        assert raised.value.after_s == after_s
    assert providers.taken() == 0


@pytest.mark.parametrize("name", NAMES)
async def test_who_stopped_us_is_told_apart(providers: Providers, name: str) -> None:
    providers.twilio.opted_out |= {ADDRESS["sms"], f"whatsapp:{ADDRESS['whatsapp']}"}
    providers.telegram.blocked.add(77)
    with pytest.raises(Unsubscribed):
        await providers.channels[name].send(outbound(name))


async def test_a_closed_window_is_told_apart(providers: Providers) -> None:
    providers.twilio.closed.add(f"whatsapp:{ADDRESS['whatsapp']}")
    with pytest.raises(WindowClosed):
        await providers.channels["whatsapp"].send(outbound("whatsapp"))


@pytest.mark.parametrize("name", NAMES)
async def test_a_provider_that_cannot_be_reached_is_tried_later(name: str) -> None:
    nowhere = "http://127.0.0.1:9"
    channels = webhook_channels(make_settings(twilio_api_url=nowhere, telegram_api_url=nowhere))
    with pytest.raises(SendLater):
        await channels[name].send(outbound(name))
    for channel in channels.values():
        await channel.close()


async def test_whatsapp_shows_quick_replies_where_a_template_is_configured(
    providers: Providers,
) -> None:
    channel = webhook_channels(
        make_settings(
            twilio_api_url=providers.twilio.url,
            twilio_whatsapp_quick_replies={"2": "HX2"},
            twilio_whatsapp_reminder="HXreminder",
        )
    )["whatsapp"]
    await channel.send(outbound("whatsapp"))
    sent = providers.twilio.sent[0]
    assert (sent.content_sid, sent.body) == ("HX2", "")
    assert json.loads(sent.variables) == {
        "1": "Bonjour", "2": "Oui", "3": "h", "4": "Non", "5": "m",
    }  # fmt: skip
    providers.twilio.closed.add(f"whatsapp:{ADDRESS['whatsapp']}")
    await channel.remind(ADDRESS["whatsapp"])
    assert providers.twilio.sent[1].content_sid == "HXreminder"
    await channel.close()


@pytest.mark.parametrize("name", NAMES)
@given(body=st.binary(max_size=2000))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_body_makes_a_parser_fail_otherwise_than_documented(
    name: str, body: bytes
) -> None:
    channel = _channels()[name]
    call = replace(webhook(name, "x"), body=body)
    for step in (channel.verify, channel.parse):
        try:
            step(call)
        except Refused:
            continue


_kept: list[dict[str, Channel]] = []


def _channels() -> dict[str, Channel]:
    if not _kept:
        _kept.append(webhook_channels(make_settings()))
    return _kept[0]


def any_json(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(
        ["message", "callback_query", "chat", "from", "id", "type", "text", "data", "photo",
         "voice", "file_id", "message_id", "date", "location", "is_bot", "language_code"]
    )  # fmt: skip
    keys = st.one_of(names, st.text(max_size=5))
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6)
    )


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
)


@given(
    update=st.dictionaries(st.sampled_from(["message", "callback_query", "x"]), any_json(LEAVES))
)
@settings(max_examples=300, deadline=None)
def test_no_update_of_telegram_is_a_500(update: dict[str, Any]) -> None:
    call = Webhook("", {}, json.dumps({"update_id": 5, **update}).encode())
    for message in _channels()["telegram"].parse(call):
        assert Inbound.from_json(message.to_json()) == message


def chat(kind: str) -> dict[str, Any]:
    return {"id": 77 if kind == "private" else -77, "type": kind, "title": "t"}


PERSON = {"id": 77, "is_bot": False, "first_name": "A", "language_code": "ar"}
FILE = {"file_id": "f1", "file_unique_id": "u", "file_size": 10}


def message(**fields: Any) -> dict[str, Any]:
    return {
        "update_id": 1,
        "message": {"message_id": 5, "date": 0, "chat": chat("private"), "from": PERSON, **fields},
    }


@pytest.mark.parametrize(
    ("update", "kind", "text"),
    [
        (message(text="bonjour"), "text", "bonjour"),
        (message(photo=[FILE | {"width": 1, "height": 1}]), "media", ""),
        (message(photo=[FILE | {"width": 1, "height": 1}], caption="ça"), "media", "ça"),
        (message(voice=FILE | {"duration": 1}), "media", ""),
        (message(document=FILE | {"mime_type": "application/pdf"}), "media", ""),
        (message(location={"latitude": 48.8, "longitude": 2.3}), "location", ""),
        (message(contact={"phone_number": "+336", "first_name": "A"}), "media", ""),
        (message(text="/start"), "button", "/start"),
        (message(text="/nosuch thing"), "text", "/nosuch thing"),
        (message(text="x" * 4096), "text", "x" * 4096),
        (message(), "empty", ""),
    ],
)
def test_what_an_update_means(update: dict[str, Any], kind: str, text: str) -> None:
    [found] = _channels()["telegram"].parse(Webhook("", {}, json.dumps(update).encode()))
    assert (found.kind, found.text, found.address, found.language) == (kind, text, "77", "ar")


@pytest.mark.parametrize(
    "update",
    [
        {"update_id": 1},
        {"update_id": 1, "edited_message": message(text="autre")["message"]},
        {"update_id": 1, "channel_post": message(text="a")["message"] | {"chat": chat("channel")}},
        {"update_id": 1, "my_chat_member": {"chat": chat("private"), "from": PERSON, "date": 0}},
        {"update_id": 1, "message_reaction": {"chat": chat("private"), "message_id": 1, "date": 0}},
        {"update_id": 1, "poll": {"id": "1"}},
        {"update_id": 1, "teleportation": {"to": "Mars"}},
        {"update_id": 1, "message": {"text": "no chat"}},
        message(text="bonjour", **{"from": PERSON | {"is_bot": True}}),
        message(text="bonjour", chat=chat("group")),
        message(text="bonjour", chat=chat("supergroup")),
    ],
    ids=["nothing", "edited", "channel", "member", "reaction", "poll", "of tomorrow", "broken",
         "a bot", "group", "supergroup"],
)  # fmt: skip
def test_updates_that_are_not_for_us_are_left(update: dict[str, Any]) -> None:
    assert _channels()["telegram"].parse(Webhook("", {}, json.dumps(update).encode())) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"update_id": "1"}', b"[" * 5000])
def test_what_is_no_update_is_a_400(body: bytes) -> None:
    parse: Callable[[Webhook], Any] = _channels()["telegram"].parse
    with pytest.raises(Refused) as refusal:
        parse(Webhook("", {}, body))
    assert refusal.value.status == 400
