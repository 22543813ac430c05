"""Advisors who are away are told that somebody waits: a link, once, and no word of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from redis.asyncio import Redis

from bench import telegram_stand_in
from connectors.cases import Packet
from connectors.channels import SendLater, Unsubscribed
from connectors.pairing import PARAMETER, Pairing
from connectors.telegram import parse_update
from desk.alerts import Alerts
from guichet.settings import Settings
from guichet.supervisor import free_port
from tests.conftest import vault
from tests.desk.conftest import NASTY, Office

ALWAYS = "mo-su 00:00-24:00"
ADDRESS = "amina@example.org"


class Letterbox:
    """Takes e-mail, or refuses it."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refuses = False

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 try again later"
        self.taken.append(envelope)
        return "250 taken"


@pytest.fixture
def letterbox() -> Iterator[tuple[Letterbox, int]]:
    box, port = Letterbox(), free_port()
    controller = Controller(
        box, hostname="127.0.0.1", port=port, auth_require_tls=False,
        authenticator=lambda *a: AuthResult(success=a[4].password == b"s3cret"),
    )  # fmt: skip
    controller.start()
    yield box, port
    controller.stop()


def settings(port: int, **values: Any) -> Settings:
    return Settings.model_validate(
        {
            "smtp_url": f"smtp://guichet:s3cret@127.0.0.1:{port}",
            "smtp_from": "guichet@example.org",
            "desk_hours": ALWAYS,
            "desk_holidays": "",
            "alert_seconds": 0,
            "public_url": "https://guichet.example",
            **values,
        }
    )


def alerts(office: Office, with_settings: Settings, **channels: Any) -> Alerts:
    services = office.services
    return Alerts(
        with_settings, services.redis, services.cases, services.accounts, services.pairing, channels
    )


async def amina_by_mail(office: Office) -> None:
    advisor = await office.services.accounts.named("amina")
    assert advisor is not None
    await office.services.accounts.change(advisor, email=ADDRESS)


async def test_one_message_with_a_link_and_no_word_of_the_person(
    office: Office, letterbox: tuple[Letterbox, int]
) -> None:
    box, port = letterbox
    await amina_by_mail(office)
    telling = alerts(office, settings(port))
    await telling.look()
    await telling.look()
    [mail] = box.taken
    assert mail.rcpt_tos == [ADDRESS]
    text = mail.content.decode()
    assert f"https://guichet.example/desk/c/{office.conversation}" in text
    assert "+336" not in text
    assert NASTY not in text
    assert "alert(1)" not in text


async def test_who_is_refused_now_is_told_later(
    office: Office, letterbox: tuple[Letterbox, int]
) -> None:
    box, port = letterbox
    await amina_by_mail(office)
    telling = alerts(office, settings(port))
    box.refuses = True
    await telling.look()
    assert box.taken == []
    box.refuses = False
    await telling.look()
    assert len(box.taken) == 1


async def test_nothing_before_the_time_nor_while_closed_unless_urgent(
    office: Office, letterbox: tuple[Letterbox, int], redis: Redis
) -> None:
    box, port = letterbox
    await amina_by_mail(office)
    await alerts(office, settings(port, alert_seconds=3600)).look()
    await alerts(office, settings(port, desk_absences="2020-01-01/2099-12-31")).look()
    assert box.taken == []
    packet = Packet("sms", "ar", "…")
    await office.services.cases.enqueue(office.conversation, "danger", packet, "SM2", True)
    await alerts(office, settings(port, alert_seconds=3600)).look()
    [mail] = box.taken
    assert b"danger" in mail.content


async def test_several_who_wait_are_one_message(
    office: Office, letterbox: tuple[Letterbox, int]
) -> None:
    box, port = letterbox
    await amina_by_mail(office)
    packet = Packet("sms", "ar", "…")
    await office.services.cases.enqueue("f" * 32, "asked", packet, "SM9", True)
    await alerts(office, settings(port)).look()
    [mail] = box.taken
    assert b"2 personnes" in mail.content


async def test_who_is_disabled_is_not_told(
    office: Office, letterbox: tuple[Letterbox, int]
) -> None:
    box, port = letterbox
    await amina_by_mail(office)
    advisor = await office.services.accounts.named("amina")
    assert advisor is not None
    await office.services.accounts.change(advisor, disabled=True)
    await alerts(office, settings(port)).look()
    assert box.taken == []


class Phone:
    """Telegram as the alerts use it."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.raises: Exception | None = None

    async def send(self, message: Any) -> str:
        if self.raises is not None:
            raise self.raises
        self.sent.append(message)
        return "1"


async def test_telegram_once_paired_and_no_more_once_blocked(office: Office) -> None:
    services, phone = office.services, Phone()
    advisor = await services.accounts.named("paul")
    assert advisor is not None
    code = await services.pairing.begin(advisor.id)
    assert await services.pairing.redeem(code, "4242")
    telling = alerts(office, settings(0, smtp_url=None), telegram=phone)
    phone.raises = SendLater("telegram 429")
    await telling.look()
    phone.raises = None
    await telling.look()
    [sent] = phone.sent
    assert sent.address == "4242"
    assert sent.text.endswith(f"/desk/c/{office.conversation}")
    phone.raises = Unsubscribed("telegram 403")
    await telling.send(advisor, "telegram", "subject", "text")
    assert await services.pairing.address(advisor.id) is None


async def test_a_code_holds_once(redis: Redis) -> None:
    pairing = Pairing(redis, vault())
    code = await pairing.begin("amina")
    assert not await pairing.redeem(code + "x", "1")
    assert await pairing.redeem(code, "1")
    assert not await pairing.redeem(code, "2")
    assert await pairing.address("amina") == "1"
    assert b"1" not in (await redis.hvals("guichet:{desk}:telegram"))


def test_the_link_of_the_account_page_is_read_as_a_code() -> None:
    update = telegram_stand_in.text_update(5, f"/start {PARAMETER}abc-DEF_1")
    message = parse_update(update)
    assert message is not None
    assert (message.kind, message.code) == ("button", "p:abc-DEF_1")


async def test_the_account_page_sets_an_address_and_tries_it(
    office: Office, letterbox: tuple[Letterbox, int]
) -> None:
    box, port = letterbox
    services = office.services
    object.__setattr__(services, "alerts", alerts(office, settings(port), telegram=Phone()))
    async with office.signed_in("amina") as browser:
        wrong = await browser.post("/desk/account/mail", data={"email": "no address"})
        assert wrong.status_code == 400
        right = await browser.post("/desk/account/mail", data={"email": ADDRESS})
        assert right.status_code == 200
        assert len(box.taken) == 1
        box.refuses = True
        assert (await browser.post("/desk/account/try")).status_code == 502
        page = (await browser.post("/desk/account/telegram")).text
        assert f"/start {PARAMETER}" in page
        gone = await browser.post("/desk/account/mail", data={"email": ""})
        assert gone.status_code == 303
    advisor = await services.accounts.named("amina")
    assert advisor is not None
    assert advisor.email == ""


def test_a_mail_server_that_is_no_address_is_refused_without_its_password() -> None:
    with pytest.raises(ValueError, match="GUICHET_SMTP_URL") as fault:
        settings(0, smtp_url="http://u:hush@h")
    assert "hush" not in str(fault.value.errors()[0]["msg"])  # type: ignore[attr-defined]
    plain = settings(25)
    server = plain.mail_server()
    assert server is not None
    assert "s3cret" not in repr(replace(server, port=1))
