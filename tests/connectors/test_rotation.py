"""After a rotation everything opens with the new key and nothing with the old."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis

from connectors.case_details import CaseDetails, Field
from connectors.cases import Packet
from connectors.keys import of_conversation, partition_of
from connectors.mailbox import Entry, Mailbox, Turn
from connectors.records import Conversation, Inbound, Outbound
from connectors.rotation import reseal, run
from connectors.threads import Threads
from connectors.transcript import Line, read
from desk.accounts import Accounts
from desk.audit import Audit
from guichet.clock import PARIS
from guichet.settings import Settings, SettingsError
from guichet.vault import TRACKERS, Cipher, VaultError, unlock

DETAILS: dict[Field, str] = {"step": "call", "labels": "oqtf"}


def settings(*keys: str) -> Settings:
    return Settings.model_validate(
        {"secret_key": keys[0], "previous_secret_keys": ",".join(keys[1:])}
    )


async def filled(redis: Redis) -> tuple[Mailbox, str]:
    """A mailbox under the key "old" with one of everything; the conversation's id."""
    mailbox = Mailbox(redis, await unlock(redis, settings("old")))
    message = Inbound("SM1", "sms", "+33612345678", "text", "bonjour")
    conversation = mailbox.conversation_id(message)
    await mailbox.accept(message)
    partition = partition_of(conversation)
    [entry] = await mailbox.read({(partition, "in"): "0"}, 10, 10)
    await mailbox.lease(partition, "w", 5000)
    replies = [Outbound("sms", "+33612345678", text) for text in ("held", "dead")]
    turn = Turn(Line("person", "bonjour", channel="sms"), "+33612345678")
    await mailbox.finish_turn("w", entry, Conversation("ar"), replies, turn)
    held, dead = await mailbox.read({(partition, "out"): "0"}, 10, 10)
    await mailbox.hold(held)
    await mailbox.bury(dead, "twilio 30006")
    sealed = mailbox.vault.cipher.seal(b"photo", conversation)
    await mailbox.keep_media(conversation, "SM1:0:image/png", sealed)
    packet = Packet("sms", "ar", "bonjour")
    await mailbox.cases.enqueue(conversation, "asked", packet, "SM1", True)
    await mailbox.cases.add_note(conversation, "amina", "a note")
    await CaseDetails(redis, mailbox.vault).write(conversation, DETAILS, PARIS)
    await mailbox.unanswered.add(conversation, "bonjour", "ar", "fallback", (("fees", 0.4),))
    await Accounts(redis, mailbox.vault).add("amina", "correct horse battery")
    await Audit(redis, mailbox.vault).add("open", "amina", conversation)
    tracker = Cipher(["old"], TRACKERS).seal(b"tracker", conversation)
    await redis.set(f"guichet:{{tracker:{conversation}}}", tracker, ex=1000)
    return mailbox, conversation


async def test_all_that_is_kept_opens_with_the_new_key_alone(redis: Redis) -> None:
    before, conversation = await filled(redis)
    counts = await reseal(redis, ["new", "old"], lambda line: None)
    assert counts == {"sealed": 17, "unreadable": 0}
    after = Mailbox(redis, await unlock(redis, settings("new")))
    assert after.pseudonym("sms", "+33612345678") == conversation
    assert await after.conversation(conversation) == Conversation("ar")
    [(name, sealed)] = (await after.media(conversation)).items()
    assert name == "SM1:0:image/png"
    assert after.vault.cipher.open(sealed, conversation) == b"photo"
    lines = await read(redis, after.vault, conversation)
    assert [entry.line.text for entry in lines] == ["bonjour", "held", "dead"]
    assert [entry.state for entry in lines] == ["", "held", "failed"]
    assert 0 < await redis.ttl(of_conversation(conversation, "transcript")) <= 30 * 24 * 3600
    person = await Threads(redis, after.vault).person(conversation)
    assert person is not None
    assert person.address == "+33612345678"
    case = await after.cases.find(conversation)
    assert case.packet == Packet("sms", "ar", "bonjour")
    assert await CaseDetails(redis, after.vault).read(conversation) == DETAILS
    assert [kept.question.text for kept in await after.unanswered.all()] == ["bonjour"]
    [note] = await after.cases.notes(conversation)
    assert note["text"] == "a note"
    [advisor] = await Accounts(redis, after.vault).all()
    assert advisor.name == "amina"
    [(_, record)] = await Audit(redis, after.vault).read(10)
    assert record.conversation == conversation
    [(entry, why)] = await after.dead()
    assert after.open_outbound(entry).text == "dead"
    assert why == "out:twilio 30006"
    tracker = await redis.get(f"guichet:{{tracker:{conversation}}}")
    assert isinstance(tracker, bytes)
    assert Cipher(["new"], TRACKERS).open(tracker, conversation) == b"tracker"
    assert 0 < await redis.ttl(f"guichet:{{tracker:{conversation}}}") <= 1000
    key = f"guichet:{{p{partition_of(conversation):02d}}}:held:{conversation}"
    [waiting] = await redis.lrange(key, 0, -1)
    assert isinstance(waiting, bytes)
    entry = Entry(0, "out", "0-0", conversation, waiting)
    assert after.open_outbound(entry).text == "held"
    with pytest.raises(VaultError):
        before.open_outbound(entry)
    with pytest.raises(SettingsError, match="not the key"):
        await unlock(redis, settings("old"))


async def test_it_may_run_twice(redis: Redis) -> None:
    await filled(redis)
    for _ in range(2):
        counts = await reseal(redis, ["new", "old"], lambda line: None)
        assert counts == {"sealed": 17, "unreadable": 0}


async def test_on_one_machine_it_makes_the_key_itself(tmp_path: Path) -> None:
    here = Settings(data_dir=tmp_path)
    first = here.secret()
    lines = await run(here, lambda line: None)
    assert here.secret() != first
    assert "not readable" in lines[0]
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0


async def test_with_one_key_only_it_says_what_to_do(redis_url: str) -> None:
    one = Settings.model_validate({"secret_key": "new", "redis_url": redis_url})
    with pytest.raises(SettingsError, match="GUICHET_PREVIOUS_SECRET_KEYS"):
        await run(one, lambda line: None)
