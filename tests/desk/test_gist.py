"""Across languages at the desk: what a message is about, and translations both ways."""

from __future__ import annotations

import pytest

from desk.translation import NotTranslated, Translator
from tests.desk.conftest import NASTY, Office


class Words:
    """A translator that is told what to say."""

    def __init__(self, says: str = "", wrong: str = "") -> None:
        self.says, self.wrong = says, wrong
        self.asked: list[tuple[str, str, str]] = []

    async def translate(self, text: str, source: str, target: str) -> str:
        if self.wrong:
            raise NotTranslated(self.wrong)
        self.asked.append((text, source, target))
        return self.says

    async def close(self) -> None:
        return


def use(office: Office, translator: Translator | None) -> None:
    object.__setattr__(office.services, "translator", translator)


async def first_line(office: Office) -> str:
    [entry, *_] = await office.services.threads.lines(office.conversation)
    return entry.id


async def test_a_gist_has_a_translation_as_text(office: Office) -> None:
    words = Words(NASTY)
    use(office, words)
    async with office.signed_in("amina") as browser:
        answer = await browser.get(f"{office.page}/gist?line={await first_line(office)}")
        assert "&lt;script&gt;" in answer.text
        assert "<script>" not in answer.text
        assert "En arabe" in answer.text
    assert words.asked == [(NASTY, "ar", "fr")]


async def test_a_translator_that_fails_is_said_and_the_rest_stays(office: Office) -> None:
    use(office, Words(wrong="translator_no_pair"))
    async with office.signed_in("amina") as browser:
        answer = await browser.get(f"{office.page}/gist?line={await first_line(office)}")
        assert answer.status_code == 200
        assert "ne connaît pas cette langue" in answer.text
        wrong = await browser.post(f"{office.page}/translate", data={"text": "bonjour"})
        assert (wrong.status_code, wrong.json()) == (502, {"wrong": "translator_no_pair"})


async def test_without_a_translator(office: Office) -> None:
    use(office, None)
    async with office.signed_in("amina") as browser:
        assert (await browser.get(f"{office.page}/gist?line={await first_line(office)}")).is_success
        assert (await browser.post(f"{office.page}/translate", data={"text": "x"})).is_client_error
        await browser.post(f"{office.page}/claim")
        assert 'id="translate"' not in (await browser.get(office.page)).text


@pytest.mark.parametrize("line", ["", "x", "1-1", "99999999999999999999"])
async def test_a_line_that_is_not_there(office: Office, line: str) -> None:
    async with office.signed_in("amina") as browser:
        assert (await browser.get(f"{office.page}/gist?line={line}")).status_code == 404


async def test_the_person_is_told_that_a_machine_translated(office: Office) -> None:
    use(office, Words("مرحبا"))
    async with office.signed_in("amina") as browser:
        await browser.post(f"{office.page}/claim")
        assert 'id="translate"' in (await browser.get(office.page)).text
        found = await browser.post(f"{office.page}/translate", data={"text": "bonjour"})
        assert found.json() == {"text": "مرحبا"}
        sent = {"text": "مرحبا", "original": "bonjour", "id": "1"}
        await browser.post(f"{office.page}/reply", data=sent)
    last = (await office.services.threads.lines(office.conversation))[-1].line
    assert (last.text, last.original) == ("مرحبا\n(ترجمة آلية)", "bonjour")
