"""The desk in a real browser, against the whole running system."""

from __future__ import annotations

import asyncio
import re
from io import BytesIO

import pytest
from openpyxl import load_workbook
from playwright.async_api import (
    Response,
    expect,
)

from bench.twilio_stand_in import post_webhook, webhook_form
from desk.accounts import Accounts
from desk.sessions import Sessions
from guichet import redis_server
from guichet.vault import unlock
from tests.scenarios.office import (
    ARABIC,
    DESKTOP,
    FRENCH,
    LIBRARY,
    NASTY,
    PASSWORD,
    Office,
    audited,
    close,
    needs_browser,
    open_first,
    take_first,
)
from tests.scenarios.office import office as office

pytestmark = needs_browser


async def test_the_whole_way_in_arabic(office: Office) -> None:
    number = "+33612000001"
    told = await office.ask(number, "كم ثمن الطابع لتجديد البطاقة", "أريد التحدث إلى شخص")
    assert told == ARABIC["desk_prepare"].sms
    assert (await office.sent(number, 3))[1].startswith("أحلت طلبكم")
    # While waiting the bot still answers, and says that the place is kept.
    answer = await office.system.text(number, "موقع anef فيه خطأ ولا يعمل")
    assert answer.endswith(ARABIC["desk_kept"].sms)
    again = await office.system.text(number, "أريد التحدث إلى شخص")
    assert again.startswith("طلبكم ينتظر مستشارا")

    async with office.advisor("amina") as amina, office.advisor("paul") as paul:
        for page in (amina, paul):
            await open_first(page)
            await expect(page.locator("#handoff")).to_contain_text("Combien coûte la carte")
        take = "Prendre la conversation"
        await asyncio.gather(
            *(p.get_by_role("button", name=take).click() for p in (amina, paul)),
            return_exceptions=True,
        )
        for page in (amina, paul):
            await expect(page.get_by_role("button", name=take)).to_have_count(0)
        composers = [await page.locator("#reply").count() for page in (amina, paul)]
        assert sorted(composers) == [0, 1]
        winner, loser = (amina, paul) if composers[0] else (paul, amina)
        await expect(loser.locator("#composer")).to_contain_text("Un collègue répond")

        # From now on the bot is silent; the advisor sees what the person writes.
        before = len(office.system.sent_to(number))
        form = webhook_form(number, "شكرا، أنتظر")
        await post_webhook(office.system.client, office.system.webhook, form)
        await expect(winner.locator("#lines .bubble.person").last).to_contain_text("شكرا، أنتظر")
        await expect(loser.locator("#lines .bubble.person").last).to_contain_text("شكرا، أنتظر")
        await office.quiet(number, before)

        await winner.fill("#text", "Bonjour, je suis conseillère. Voici le prix :")
        await winner.keyboard.press("Enter")
        await expect(winner.locator("#lines .bubble.advisor:not(.pending)")).to_have_count(1)
        await winner.click("#open-articles")
        await winner.fill("#article-query", "prix du renouvellement")
        await winner.locator(".found").first.get_by_role("button").click()
        await expect(winner.locator("#lines .bubble.advisor:not(.pending)")).to_have_count(2)
        bodies = (await office.sent(number, before + 2))[before:]
        assert bodies[0] == "Bonjour, je suis conseillère. Voici le prix :"
        assert bodies[1] == LIBRARY.fill(LIBRARY.articles["ar", "fees"].sms, "ar")
        article = winner.locator("#lines .bubble.advisor:not(.pending) .text").last
        direction = "element => getComputedStyle(element).direction"
        assert await article.evaluate(direction) == "rtl"
        # What the provider tells appears without a reload.
        sid = office.system.sent_to(number)[-1].sid
        status = {"MessageSid": sid, "MessageStatus": "delivered", "To": number, "AccountSid": "AC"}
        url = office.system.webhook.replace("/sms", "/status")
        assert (await post_webhook(office.system.client, url, status)).status_code == 204
        await expect(
            winner.locator("#lines .bubble.advisor:not(.pending) .state").last
        ).to_have_text("distribué")

        await close(winner)
        assert (await office.sent(number, before + 3))[-1] == ARABIC["desk_rate"].sms
        assert await office.system.text(number, "٥") == ARABIC["desk_rated"].sms
        await expect(winner.locator("#chat-head")).to_contain_text("5 sur 5")
        # The bot answers again.
        answer = await office.system.text(number, "كم ثمن الطابع لتجديد البطاقة")
        assert answer.startswith("منذ 1 ماي")
        assert not answer.endswith(ARABIC["desk_kept"].sms)


async def test_a_draft_survives_a_reload_and_a_second_tab_sees_the_same(office: Office) -> None:
    number = "+33612000002"
    await office.ask(number, "combien coute le timbre", "je veux parler a une personne")
    async with office.advisor("amina") as page:
        await open_first(page)
        await page.get_by_role("button", name="Prendre la conversation").click()
        await page.fill("#text", "Je regarde votre dossier")
        await page.reload()
        await expect(page.locator("#text")).to_have_value("Je regarde votre dossier")
        second = await page.context.new_page()
        await second.goto(page.url)
        await page.locator("#text").press("Enter")
        for tab in (page, second):
            await expect(tab.locator("#lines .bubble.advisor:not(.pending)")).to_have_count(1)
        assert (await office.sent(number, 4))[-1] == "Je regarde votre dossier"
        await second.close()
        await close(page)


async def test_a_lost_network_loses_and_doubles_nothing(office: Office) -> None:
    number = "+33612000003"
    await office.ask(number, "combien coute le timbre", "je veux parler a une personne")
    async with office.advisor("amina") as page:
        await take_first(page)
        await page.context.set_offline(True)
        await expect(page.locator("#offline")).to_be_visible()
        for text in ("premier", "second"):
            await page.fill("#text", text)
            await page.locator("#text").press("Enter")
        await expect(page.locator(".pending")).to_have_count(2)
        for text in ("je suis la", "vous etes la ?"):
            form = webhook_form(number, text)
            await post_webhook(office.system.client, office.system.webhook, form)
        await office.system.quiet()
        await page.context.set_offline(False)
        await expect(page.locator(".pending")).to_have_count(0)
        await expect(page.locator("#offline")).to_be_hidden()
        assert (await office.sent(number, 5))[-2:] == ["premier", "second"]
        texts = await page.locator("#lines .text").all_inner_texts()
        for text in ("premier", "second", "je suis la", "vous etes la ?"):
            assert texts.count(text) == 1, text
        await office.quiet(number, 5)
        await close(page)


async def test_what_people_send_is_shown_as_text(office: Office) -> None:
    number = "+33612000004"
    await office.ask(number, f"le site bloque {NASTY}", "je veux parler à une personne")
    async with office.advisor("amina") as page:
        title = await page.title()
        await expect(page.locator("#lists")).to_contain_text("<script>")
        await open_first(page)
        await expect(page.locator("#lines")).to_contain_text("<img src=x onerror=")
        await page.get_by_role("button", name="Prendre la conversation").click()
        await page.fill("#text", NASTY)
        await page.locator("#text").press("Enter")
        await expect(page.locator("#lines .bubble.advisor:not(.pending)")).to_contain_text(
            "<script>"
        )
        assert "gone" not in await page.title()
        assert title
        await close(page)


async def test_a_photo_is_shown(office: Office) -> None:
    from tests.scenarios.test_media import screenshot

    number = "+33612000005"
    await office.ask(number, "combien coute le timbre", "je veux parler a une personne")
    address = office.system.twilio.hold_media(screenshot("Erreur"), "image/png")
    async with office.advisor("amina") as page:
        await take_first(page)
        form = webhook_form(
            number, "", NumMedia="1", MediaUrl0=address, MediaContentType0="image/png"
        )
        await post_webhook(office.system.client, office.system.webhook, form)
        photo = page.locator("#lines img.photo")
        await expect(photo).to_be_visible()
        assert await photo.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        await close(page)


async def test_handed_on_and_back_to_the_queue(office: Office) -> None:
    number = "+33612000006"
    await office.ask(number, "combien coute le timbre", "je veux parler a une personne")
    async with office.advisor("amina") as amina, office.advisor("paul") as paul:
        await open_first(amina)
        await amina.get_by_role("button", name="Prendre la conversation").click()
        await amina.get_by_text("Transmettre", exact=True).first.click()
        await amina.locator(".menu[open] select").select_option(label="paul")
        await amina.locator(".menu[open] textarea").fill("parle de timbre")
        await amina.locator(".menu[open]").get_by_role("button").click()
        await expect(amina.locator("#composer")).to_contain_text("Un collègue répond")
        await paul.locator("section[aria-labelledby=h-mine] .entry").click()
        await expect(paul.locator("#handoff")).to_contain_text("parle de timbre")
        # Who looks at the same conversation sees the other one typing.
        await paul.locator("#text").press_sequentially("Bon")
        await expect(amina.locator("#presence")).to_contain_text("paul écrit")
        await paul.get_by_text("Remettre en file", exact=True).first.click()
        await paul.locator(".menu[open]").get_by_role("button").click()
        await expect(amina.get_by_role("button", name="Prendre la conversation")).to_be_visible()
        await amina.get_by_role("button", name="Prendre la conversation").click()
        await expect(amina.locator("#text")).to_be_visible()
        await close(amina)


async def test_words_that_always_work(office: Office) -> None:
    number = "+33612000007"
    await office.ask(number, "combien coute le timbre", "je veux parler a une personne")
    async with office.advisor("amina") as page:
        await take_first(page)
        assert (await office.system.text(number, "STOP")).startswith(FRENCH["stop"].sms[:20])
        await page.reload()
        await expect(page.locator("#composer")).to_contain_text("ne plus recevoir")
        gone = await office.system.text(number, "effacer")
        assert gone == FRENCH["deleted"].sms
        await page.reload()
        await expect(page.locator("#content")).to_contain_text("n'existe pas")


async def test_who_has_no_rights_and_who_is_signed_out(office: Office) -> None:
    async with office.advisor("amina") as page:
        await expect(page.get_by_role("link", name="Journal des accès")).to_have_count(0)
        answer = await page.goto(f"{office.url}/audit")
        assert answer is not None
        assert answer.status == 403
        await page.goto(f"{office.url}/")
        redis = redis_server.connect(office.system.addresses["redis_url"])
        vault = await unlock(redis, office.system.settings)
        advisor = await Accounts(redis, vault).named("amina")
        assert advisor is not None
        await Sessions(redis, vault).end_all(advisor.id)
        await redis.aclose()
        await page.context.set_offline(True)
        await page.context.set_offline(False)
        await expect(page.locator("#signed-out")).to_be_visible()
        await page.reload()
        assert page.url.endswith("/desk/sign-in")


async def test_with_the_keyboard_alone(office: Office) -> None:
    number = "+33612000008"
    await office.ask(number, "combien coute le timbre", "je veux parler a une personne")
    async with office.advisor("amina") as page:

        async def tab_to(name: str) -> None:
            for _ in range(40):
                await page.keyboard.press("Tab")
                script = "() => document.activeElement.textContent.trim()"
                if name in await page.evaluate(script):
                    return
            raise AssertionError(f"{name} cannot be reached")

        await tab_to("Prendre la suivante")
        await page.keyboard.press("Enter")
        await page.locator("#text").wait_for()
        await page.focus("#content")
        await tab_to("Clore")
        await page.keyboard.press("Enter")
        # Opening the menu has moved the focus to its button.
        await expect(page.locator(":focus")).to_have_text("Confirmer")
        await page.keyboard.press("Enter")
        await expect(page.locator("#composer")).to_contain_text("terminée")


@pytest.mark.parametrize("phone", [False, True])
async def test_no_page_has_a_fault_of_accessibility(office: Office, phone: bool) -> None:
    number = f"+3361200010{int(phone)}"
    await office.ask(number, "combien coute le timbre", "je veux parler a une personne")
    async with office.advisor("sophie", phone) as page:
        context = page.context
        await audited(page, "queue")
        await open_first(page)
        await audited(page, "waiting")
        await page.get_by_role("button", name="Prendre la conversation").click()
        await page.click("#open-articles")
        await page.fill("#article-query", "prix")
        await page.locator(".found").first.wait_for()
        await audited(page, "articles")
        await page.keyboard.press("Escape")
        await page.get_by_text("Clore", exact=True).click()
        await audited(page, "menu")
        await page.get_by_role("button", name="Confirmer").click()
        await expect(page.locator("#composer")).to_contain_text("terminée")
        await audited(page, "closed")
        for path in ("account", "audit", "c/0", "supervisor", "unanswered", "observatory"):
            await page.goto(f"{office.url}/{path}")
            await audited(page, path)
        await page.goto(f"{office.url}/account")
        await page.locator("form[action$=codes]").get_by_role("button").click()
        await audited(page, "codes")
        await context.clear_cookies()
        await page.goto(f"{office.url}/sign-in")
        await audited(page, "sign-in")


async def test_a_question_becomes_one_of_the_knowledge_base(office: Office) -> None:
    number = "+33612000020"
    question = "je m'appelle Ousmane et la dame du guichet a gardé mon original, est ce normal ?"
    await office.system.text(number, question)
    await office.system.quiet()
    async with office.advisor("amina") as page:
        for path in ("supervisor", "unanswered", "observatory", "observatory/file"):
            answer = await page.request.get(f"{office.url}/{path}")
            assert answer.status == 403, path
    async with office.advisor("sophie") as page:
        await page.get_by_role("link", name="Supervision").click()
        await expect(page.locator("#content")).to_contain_text("amina")
        await page.get_by_role("link", name="Questions sans réponse sûre").click()
        row = page.locator(".questions li", has_text="pas compris").first
        text = row.get_by_label("La question, comme elle sera apprise")
        await expect(text).to_have_value(re.compile(r"je m'appelle \[…\] et la dame du guichet"))
        await text.fill("la dame du guichet a gardé mon original, est ce normal ?")
        title = LIBRARY.articles["fr", "prefecture-contact"].title
        await row.get_by_label("Article (tapez").fill(title)
        await row.get_by_role("button", name="Ajouter à cet article").click()
        await expect(page.locator("section[aria-labelledby=h-accepted]")).to_contain_text(
            "la dame du guichet"
        )
        await audited(page, "accepted")
        async with page.expect_download() as file:
            await page.get_by_role("link", name="Télécharger les questions acceptées").click()
        content = (await (await file.value).path()).read_bytes()
        sheet = load_workbook(BytesIO(content))["Questions"]
        assert [cell.value for cell in sheet[2]][:2] == ["fr", "prefecture-contact"]
        # Gone with the person.
        await office.system.text(number, "effacer")
        await page.reload()
        await expect(page.locator("#content")).not_to_contain_text("la dame du guichet")


@pytest.mark.parametrize("phone", [False, True])
async def test_the_observatory_shows_what_five_people_met(office: Office, phone: bool) -> None:
    if not phone:
        for person in range(6):
            form = webhook_form(f"+3361200200{person}", "le site anef affiche une erreur")
            await post_webhook(office.system.client, office.system.webhook, form)
        await office.system.quiet()
    async with office.advisor("sophie", phone) as page:
        await page.goto(f"{office.url}/observatory")
        section = page.locator("section[aria-labelledby=h-site_error]")
        await expect(section).to_contain_text("Erreur ou blocage du site")
        await expect(section.locator("svg.chart rect")).to_have_count(1)
        await audited(page, "observatory")
        width = "document.documentElement.scrollWidth <= window.innerWidth"
        for path in ("observatory", "supervisor", "unanswered"):
            await page.goto(f"{office.url}/{path}")
            assert await page.evaluate(width), path


async def test_the_page_is_light(office: Office) -> None:
    context = await office.browser.new_context(viewport=DESKTOP)
    page = await context.new_page()
    sizes: list[int] = []

    await page.goto(f"{office.url}/sign-in")
    await page.fill("[name=name]", "amina")
    await page.fill("[name=password]", PASSWORD)
    page.on("response", lambda response: asyncio.ensure_future(_weigh(response, sizes)))
    await page.click("button.primary")
    await expect(page.locator("#lists")).to_be_attached()
    await asyncio.sleep(0.5)
    assert 5_000 < sum(sizes) < 150_000
    await context.close()


async def _weigh(response: Response, sizes: list[int]) -> None:
    if "events" not in response.url and response.status == 200:
        sizes.append(len(await response.body()))
