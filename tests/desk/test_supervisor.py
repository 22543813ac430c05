"""The supervisor's pages: for supervisors only, and what they show and do."""

from __future__ import annotations

import io
import re

from openpyxl import load_workbook

from connectors.keys import desk
from connectors.unanswered import Unanswered
from guichet import counters
from guichet.clock import today
from tests.desk.conftest import NASTY, Office

PAGES = ("supervisor", "unanswered", "unanswered/file", "observatory", "observatory/file")
STEPS = ("unanswered/accept", "unanswered/dismiss")
NEAR = (("fees", 0.41),)
WHO = "a" * 32


def kept(office: Office) -> Unanswered:
    return office.services.mailbox.unanswered


async def test_an_advisor_is_no_supervisor(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        for page in PAGES:
            assert (await browser.get(f"/desk/{page}")).status_code == 403, page
        for step in STEPS:
            assert (await browser.post(f"/desk/{step}")).status_code == 403, step
        home = (await browser.get("/desk/")).text
        assert "/desk/supervisor" not in home


async def test_who_waits_who_works_and_how_long_it_took(office: Office) -> None:
    services = office.services
    async with office.signed_in("sophie") as browser:
        page = (await browser.get("/desk/supervisor")).text
        assert re.search(r"Autres</dt><dd><strong>1</strong>", page)
        assert "amina" in page
        assert page.count("jamais") == 2
        amina = await services.accounts.named("amina")
        assert amina is not None
        await services.counter.claim(office.conversation, amina)
        for _ in range(2):
            await services.counter.reply(office.conversation, amina, "bonjour", "1")
        await services.counter.close(office.conversation, amina)
        for _ in range(2):  # the same message, after a crash
            await services.cases.rate(office.conversation, 4)
        counts = await services.redis.hgetall(desk(f"tally:{today().isoformat()}"))
        assert counts == {b"wait:0": b"1", b"reply:0": b"1", b"rating:4": b"1"}
        await counters.Counts({("useful_no", "fees"): 3}).flush(services.redis)
        page = (await browser.get("/desk/supervisor")).text
        assert re.search(r"Autres</dt><dd><strong>0</strong>", page)
        assert "<td>1</td><td>1 s</td><td>1 s</td><td>1</td><td>1 s</td><td>1 s</td>" in page
        assert re.search(r"W\d\d</th><td>1</td><td><meter[^>]*></meter> 4.0</td>", page)
        assert "<td>0</td><td>3</td>" in page


async def test_from_a_question_to_the_file(office: Office) -> None:
    await kept(office).add(WHO, f"ma tante {NASTY}", "fr", "fallback", NEAR)
    await kept(office).add(WHO, "كم ثمن الطابع", "ar", "choose", NEAR)
    await kept(office).add(WHO, "sans interet", "fr", "human", NEAR)
    async with office.signed_in("sophie") as browser:
        page = (await browser.get("/desk/unanswered")).text
        assert "<script>" not in page
        assert "41 %" in page
        assert 'dir="rtl"' in page
        assert "كم ثمن" not in (await browser.get("/desk/unanswered?language=fr")).text
        ids = dict(re.findall(r'name="id" value="([^"]+)".*\n.*<textarea[^>]*>([^<]+)', page))
        by_text = {text: id for id, text in ids.items()}
        first = by_text["كم ثمن الطابع"]
        title = office.services.articles.title("fees", "fr")
        for fields, wrong in (
            ({"id": first, "text": "x", "article": "nothing"}, "no_article"),
            ({"id": first, "text": "?", "article": "fees"}, "wrong_text"),
            ({"id": "c" * 32 + ":" + "0" * 16, "text": "x", "article": "fees"}, "question_gone"),
            ({"id": first, "text": "كم ثمن الطابع", "article": title}, ""),
        ):  # fmt: skip
            answer = await browser.post("/desk/unanswered/accept", data=fields)
            where = answer.headers["Location"]
            assert where == "/desk/unanswered" + (f"?wrong={wrong}" if wrong else ""), fields
            assert (await browser.get(where)).status_code == 200
        await browser.post("/desk/unanswered/dismiss", data={"id": by_text["sans interet"]})
        assert (await browser.post("/desk/unanswered/dismiss")).status_code == 400
        page = (await browser.get("/desk/unanswered")).text
        assert "sans interet" not in page
        answer = await browser.get("/desk/unanswered/file")
        rows = load_workbook(io.BytesIO(answer.content))["Questions"].iter_rows(values_only=True)
        assert [row[:3] for row in rows][1:] == [("ar", "fees", "كم ثمن الطابع")]
        audit = (await browser.get("/desk/audit")).text
        assert "Question acceptée" in audit
        assert "Question écartée" in audit
        assert "ثمن" not in audit


async def test_a_person_who_is_forgotten_is_gone_from_the_list(office: Office) -> None:
    await kept(office).add(office.conversation, "le prix du timbre", "fr", "fallback", NEAR)
    await office.services.mailbox.erase(office.conversation)
    assert await kept(office).all() == []


async def test_the_observatory(office: Office) -> None:
    observatory = office.services.mailbox.observatory
    for number in range(12):
        await observatory.note(f"{number:032}", "site_error", "69", "family", "ar")
    for number in range(4):
        await observatory.note(f"{number:032}", "no_appointment", "75", "", "fr")
        await observatory.note(f"9{number:031}", "site_error", "13", "", "fr")
    async with office.signed_in("sophie") as browser:
        page = (await browser.get("/desk/observatory")).text
        assert "au moins 15" in page
        assert "Rhône" not in page  # the next row is put together with one that is too small
        assert "75 Paris" not in page
        assert "Pas de rendez-vous" not in page
        answer = await browser.get("/desk/observatory/file")
        text = answer.content.decode("utf-8-sig")
        assert "attachment" in answer.headers["Content-Disposition"]
        assert "moins de 5 personnes" in text
        assert today().isoformat() in text
        assert "site_error,all,,Erreur ou blocage du site,15" in text
        assert "site_error,department,other,autres (regroupés),15" in text
        assert "no_appointment" not in text
        for page in ("observatory", "observatory/file"):
            assert (await browser.get(f"/desk/{page}?year=x")).status_code == 400
        assert "Pour cette année" in (await browser.get("/desk/observatory?year=2020")).text
