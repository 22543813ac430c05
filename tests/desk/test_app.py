"""The pages over HTTP: no session no page, forms that are ours, roles, headers, escaping."""

from __future__ import annotations

import re

import pyotp
from starlette.applications import Starlette
from starlette.routing import Mount

from connectors.cases import Packet
from connectors.keys import desk
from desk.accounts import Accounts
from desk.app import Desk
from guichet.settings import Settings
from tests.desk.conftest import PASSWORD, PNG, Office, sign_in

PAGES = ["/", "/lists", "/events", "/c/{c}", "/c/{c}/pane", "/c/{c}/lines", "/c/{c}/states",
         "/c/{c}/gist?line=1",
         "/c/{c}/articles?q=x", "/c/{c}/phrases?q=x",
         "/c/{c}/summary.pdf", "/c/{c}/summary.txt",
         "/c/{c}/file/SM1:0:image/png", "/account", "/audit",
         "/supervisor", "/unanswered", "/unanswered/file", "/observatory",
         "/observatory/file"]  # fmt: skip
STEPS = ["/next", "/c/{c}/claim", "/c/{c}/release", "/c/{c}/transfer", "/c/{c}/close",
         "/c/{c}/reply", "/c/{c}/article", "/c/{c}/phrase", "/c/{c}/phrase-preview",
         "/c/{c}/details", "/c/{c}/translate", "/c/{c}/note", "/c/{c}/presence", "/sign-out",
         "/account/password", "/account/language", "/account/session", "/account/codes",
         "/account/codes/confirm", "/account/codes/end", "/account/mail", "/account/telegram",
         "/account/telegram/end", "/account/try", "/unanswered/accept",
         "/unanswered/dismiss"]  # fmt: skip


def test_the_lists_above_name_every_route(redis_url: str) -> None:
    made = Desk(Settings.model_validate({"redis_url": redis_url, "secret_key": "secret"})).app()
    known = {re.sub(r"\{c\}", "{conversation}", path.partition("?")[0]) for path in PAGES + STEPS}
    known = {re.sub(r"/file/.*", "/file/{name:path}", path) for path in known}
    routes = {getattr(route, "path", "") for route in made.routes}
    assert routes == known | {"/sign-in", "/static", "/open-id"}


async def test_nothing_opens_without_a_session(office: Office) -> None:
    async with office.browser() as browser:
        for path in PAGES:
            answer = await browser.get("/desk" + path.format(c=office.conversation))
            assert answer.status_code == 303, path
            assert answer.headers["Location"] == "/desk/sign-in"
        for path in STEPS:
            answer = await browser.post("/desk" + path.format(c=office.conversation))
            assert answer.status_code == 401, path
        browser.cookies.set("guichet_desk", "made up")
        assert (await browser.get("/desk/")).status_code == 303


async def test_a_form_that_is_not_ours_does_nothing(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        token = browser.headers.pop("X-CSRF-Token")
        for path in STEPS:
            where = "/desk" + path.format(c=office.conversation)
            assert (await browser.post(where)).status_code == 403, path
            assert (await browser.post(where, data={"csrf": "x"})).status_code == 403
            foreign = {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"}
            assert (await browser.post(where, headers=foreign)).status_code == 403
    assert (await office.services.cases.find(office.conversation)).status == "waiting"


async def test_a_sign_in_form_from_elsewhere_is_refused(office: Office) -> None:
    async with office.browser() as browser:
        fields = {"form": "x", "name": "amina", "password": PASSWORD}
        assert (await browser.post("/desk/sign-in", data=fields)).status_code == 403
        assert (await sign_in(browser, "amina", "wrong")).status_code == 403


async def test_every_answer_has_the_headers(office: Office) -> None:
    async with office.signed_in("sophie") as browser:
        for path in [*PAGES, "/sign-in", "/nothing/here"]:
            if path == "/events":
                continue
            answer = await browser.get("/desk" + path.format(c=office.conversation))
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "no-store" in answer.headers["Cache-Control"]


async def test_cookies_are_closed(office: Office, redis_url: str) -> None:
    async with office.browser() as browser:
        cookie = (await sign_in(browser, "amina", PASSWORD)).headers["Set-Cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
    settings = {"redis_url": redis_url, "secret_key": "secret", "public_url": "https://g.test"}
    made = Desk(Settings.model_validate(settings))
    async with made.lifespan():
        secure = Office(Starlette(routes=[Mount("/desk", made.app())]), await made.open(), "")
        async with secure.browser() as browser:
            form = await browser.get("/desk/sign-in")
            assert "Secure" in form.headers["Set-Cookie"]
            assert "Strict-Transport-Security" in form.headers


async def test_what_people_write_is_text(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        for path in ("/desk/", office.page, f"{office.page}/lines", f"{office.page}/pane"):
            answer = await browser.get(path)
            assert "&lt;script&gt;alert(1)" in answer.text, path
            assert "<script>alert" not in answer.text
            assert "<img src=x" not in answer.text


async def test_pages_hold_no_inline_script_or_style(office: Office) -> None:
    async with office.signed_in("sophie") as browser:
        for path in ("/", f"/c/{office.conversation}", "/account", "/audit", "/supervisor"):
            page = (await browser.get("/desk" + path)).text
            assert not re.search(r"<script(?![^>]*src=)", page)
            assert not re.search(r"<[^>]*\s(style|on\w+)=", page)
            for address in re.findall(r'(?:src|href|action)="([^"]+)"', page):
                assert address.startswith(("/desk", "#")), address


async def test_a_file_is_opened_for_who_is_signed_in_and_runs_nothing(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        answer = await browser.get(f"{office.page}/file/SM1:0:image/png")
        assert answer.content == PNG
        assert answer.headers["Content-Type"] == "image/png"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert (await browser.get(f"{office.page}/file/../../x")).status_code == 404
        assert (await browser.get(f"{office.page}/file/SM2:0:image/png")).status_code == 404


async def test_the_log_is_for_supervisors_and_names_every_access(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        await browser.get(office.page)
        await browser.get(f"{office.page}/lines")
        await browser.get(f"{office.page}/file/SM1:0:image/png")
        assert (await browser.get("/desk/audit")).status_code == 403
        assert "/desk/audit" not in (await browser.get("/desk/")).text
    async with office.signed_in("sophie") as browser:
        page = (await browser.get("/desk/audit")).text
        assert page.count("Conversation ouverte") == 1  # once in five minutes
        assert page.count("Fichier ouvert") == 1
        assert "alert(1)" not in page
        assert (await browser.get("/desk/audit?before=x")).status_code == 400
    dump = await office.services.redis.dump(desk("audit"))
    assert b"amina" not in (dump or b"")


async def test_a_conversation_that_never_came_to_the_desk_stays_closed(office: Office) -> None:
    async with office.signed_in("sophie") as browser:
        for other in ("0" * 32, "x", "g" * 32, office.conversation.upper()):
            for part in ("", "/lines", "/pane", "/states", "/articles?q=x"):
                assert (await browser.get(f"/desk/c/{other}{part}")).status_code == 404
            for step in ("claim", "reply", "note", "close"):
                answer = await browser.post(
                    f"/desk/c/{other}/{step}", headers={"X-Requested-With": "fetch"}
                )
                assert answer.status_code in (404, 409), step


async def test_only_who_has_the_conversation_writes(office: Office) -> None:
    fetch = {"X-Requested-With": "fetch"}
    async with office.signed_in("amina") as amina, office.signed_in("paul") as paul:
        claims = [await b.post(f"{office.page}/claim", headers=fetch) for b in (amina, paul)]
        assert [answer.status_code for answer in claims] == [204, 409]
        assert claims[1].json() == {"wrong": "not_yours"}
        for step in ("reply", "release", "close"):
            fields = {"text": "hello", "id": "1"}
            answer = await paul.post(f"{office.page}/{step}", headers=fetch, data=fields)
            assert answer.status_code == 409, step
        for text, status in (("", 400), ("x" * 1501, 400), ("bonjour", 204)):
            answer = await amina.post(
                f"{office.page}/reply", headers=fetch, data={"text": text, "id": text[:5]}
            )
            assert answer.status_code == status
        assert 'id="reply"' in (await amina.get(office.page)).text
        assert 'id="reply"' not in (await paul.get(office.page)).text
        assert "bonjour" in (await paul.get(f"{office.page}/lines")).text


async def test_without_scripts_forms_lead_back_to_the_page(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        answer = await browser.post("/desk/next")
        assert answer.headers["Location"] == office.page
        answer = await browser.post(f"{office.page}/reply", data={"text": ""})
        assert answer.headers["Location"] == f"{office.page}?wrong=wrong_text"
        assert "Le message est vide" in (await browser.get(answer.headers["Location"])).text
        assert "alert" not in (
            await browser.get(f"{office.page}?wrong=<script>alert")
        ).text.replace("alert(", "").replace('"alert"', "").replace('role="alert"', "").replace(
            "alerts", ""
        )


async def test_signing_out_ends_the_session(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        cookie = browser.cookies["guichet_desk"]
        answer = await browser.post("/desk/sign-out")
        assert answer.headers["Clear-Site-Data"] == '"storage"'
    async with office.browser() as browser:
        browser.cookies.set("guichet_desk", cookie)
        assert (await browser.get("/desk/")).status_code == 303


async def test_a_new_password_ends_the_other_sessions(office: Office) -> None:
    async with office.signed_in("amina") as one, office.signed_in("amina") as other:
        new = "another long password"
        for fields, status in (
            ({"old": "wrong", "new": new, "again": new}, 403),
            ({"old": PASSWORD, "new": new, "again": "x"}, 400),
            ({"old": PASSWORD, "new": "short", "again": "short"}, 400),
            ({"old": PASSWORD, "new": new, "again": new}, 200),
        ):
            answer = await one.post("/desk/account/password", data=fields)
            assert answer.status_code == status, fields
        assert (await one.get("/desk/")).status_code == 200
        assert (await other.get("/desk/")).status_code == 303


async def test_one_ends_only_ones_own_sessions(office: Office) -> None:
    async with office.signed_in("amina") as amina, office.signed_in("paul") as paul:
        accounts: Accounts = office.services.accounts
        found = await accounts.named("amina")
        assert found is not None
        [session] = await office.services.sessions.of(found.id)
        await paul.post("/desk/account/session", data={"session": session.id})
        assert (await amina.get("/desk/")).status_code == 200
        await amina.post("/desk/account/session", data={"session": session.id})
        assert (await amina.get("/desk/")).status_code == 303


async def test_a_one_time_code_from_begin_to_sign_in(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        page = (await browser.post("/desk/account/codes")).text
        [secret] = re.findall(r"<code>(\w+)</code>", page)
        assert "<svg" in page
        wrong = await browser.post("/desk/account/codes/confirm", data={"code": "x"})
        assert wrong.status_code == 400
        assert secret in wrong.text
        code = pyotp.TOTP(secret).now()
        done = await browser.post("/desk/account/codes/confirm", data={"code": code})
        assert done.status_code == 303
    async with office.browser() as browser:
        assert (await sign_in(browser, "amina", PASSWORD)).status_code == 403
        code = pyotp.TOTP(secret).now()
        assert (await sign_in(browser, "amina", PASSWORD, code)).status_code == 303


async def test_who_is_disabled_is_out_at_once(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        found = await office.services.accounts.named("amina")
        assert found is not None
        await office.services.accounts.change(found, disabled=True)
        assert (await browser.get("/desk/")).status_code == 303


async def test_pages_in_english(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        await browser.post("/desk/account/language", data={"language": "en"})
        page = (await browser.get(office.page)).text
        assert '<html lang="en">' in page
        assert "Take this conversation" in page
    async with office.browser(**{"Accept-Language": "en-GB,fr;q=0.5"}) as browser:
        assert "Sign in" in (await browser.get("/desk/sign-in")).text


async def test_too_much_or_broken_is_refused(office: Office) -> None:
    async with office.signed_in("amina") as browser:
        answer = await browser.post(f"{office.page}/reply", content=b"text=" + b"x" * 70_000)
        assert answer.status_code == 413
        answer = await browser.post(f"{office.page}/reply", content=b"\xff\xfe=%zz&&&=")
        assert answer.status_code in (303, 400)
        for address in ("/desk/events?after=x", "/desk/events?c=x"):
            assert (await browser.get(address)).status_code == 400


async def test_a_queue_of_three_thousand_is_a_small_page(office: Office) -> None:
    packet = Packet("sms", "ar", "سؤال طويل عن تجديد البطاقة " * 8, (("fees", 0.9),))
    for number in range(3000):
        await office.services.cases.enqueue(f"{number:032x}", "asked", packet, "x", True)
    async with office.signed_in("amina") as browser:
        page = await browser.get("/desk/")
        assert len(page.content) < 100_000
        assert "et 2951 autres" in page.text
