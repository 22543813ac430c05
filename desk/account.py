"""The advisor's own account: password, one-time codes, sessions, language of the pages."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import pyotp
import segno
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from connectors.channels import SendLater
from connectors.keys import desk
from connectors.pairing import PARAMETER
from desk import mail
from desk.accounts import AccountError, matches
from desk.alerts import WAYS
from desk.guard import Visit
from desk.pages import render, view_of
from desk.texts import LANGUAGES, words


@dataclass(frozen=True)
class Start:
    """How to make a Telegram chat one's own."""

    link: str  #: "" while Telegram does not tell the bot's name
    command: str


#: A new secret waits so long for its first code.
NEW_CODE_S = 900


async def show(
    visit: Visit, wrong: str = "", said: str = "", status: int = 200, start: Start | None = None
) -> Response:
    view = await view_of(visit)
    alerts = visit.services.alerts
    sessions = [
        {
            "id": session.id,
            "agent": session.agent,
            "began": view.moment(session.began * 1000),
            "this": session.id == visit.session.id,
        }
        for session in await visit.services.sessions.of(visit.advisor.id)
    ]
    return render(
        visit, "account.html", status, sessions=sessions, wrong=wrong, said=said, secret="", qr="",
        by_mail=alerts.by_mail, by_telegram=alerts.by_telegram,
        telegram=await alerts.has(visit.advisor, "telegram"), start=start,
    )  # fmt: skip


async def change_password(visit: Visit) -> Response:
    """All other sessions end: whoever had the old password is out."""
    services, form = visit.services, visit.form
    if not await matches(visit.advisor.password, form.get("old", "")):
        return await show(visit, "old_password_wrong", status=403)
    if form.get("new", "") != form.get("again", ""):
        return await show(visit, "passwords_differ", status=400)
    try:
        await services.accounts.set_password(visit.advisor, form.get("new", ""))
    except AccountError as error:
        return await show(visit, str(error), status=400)
    await services.sessions.end_all(visit.advisor.id, but=visit.session.id)
    await services.audit.add("password", visit.advisor.id)
    return await show(visit, said="password_changed")


async def change_language(visit: Visit) -> Response:
    language = visit.form.get("language", "")
    if language in LANGUAGES:
        await visit.services.accounts.change(visit.advisor, language=language)
    return RedirectResponse("/desk/account", 303)


async def end_session(visit: Visit) -> Response:
    await visit.services.sessions.end(visit.advisor.id, visit.form.get("session", ""))
    return RedirectResponse("/desk/account", 303)


async def change_mail(visit: Visit) -> Response:
    """Where to be told by e-mail; empty: nowhere. A message is sent there at once."""
    services, to = visit.services, visit.form.get("email", "").strip()
    if to and not (services.alerts.by_mail and mail.ADDRESS.fullmatch(to)):
        return await show(visit, "mail_wrong", status=400)
    advisor = await services.accounts.change(visit.advisor, email=to)
    visit = replace(visit, advisor=advisor)
    return await try_alerts(visit) if to else RedirectResponse("/desk/account", 303)


async def begin_telegram(visit: Visit) -> Response:
    """A link, and the same as a command to type, that make a Telegram chat this advisor's."""
    if not visit.services.alerts.by_telegram:
        return await show(visit, status=404)
    code = PARAMETER + await visit.services.pairing.begin(visit.advisor.id)
    name = await visit.services.alerts.bot_name()
    link = f"https://t.me/{name}?start={code}" if name else ""
    return await show(visit, start=Start(link, f"/start {code}"))


async def end_telegram(visit: Visit) -> Response:
    await visit.services.pairing.end(visit.advisor.id)
    return RedirectResponse("/desk/account", 303)


async def try_alerts(visit: Visit) -> Response:
    """A message by each way that is set, to see that it comes."""
    alerts, known = visit.services.alerts, words(visit.advisor.language)
    try:
        for way in WAYS:
            if await alerts.has(visit.advisor, way):
                address = visit.services.settings.desk_url
                await alerts.send(visit.advisor, way, known["alert_trial"], f"{address}/")
    except (SendLater, mail.NotSent):
        return await show(visit, "alert_failed", status=502)
    return await show(visit, said="alert_sent")


async def begin_codes(visit: Visit) -> Response:
    """A secret for an authenticator application; it counts once a code of it has come back."""
    secret = pyotp.random_base32()
    sealed = visit.services.vault.seal(secret, f"new code {visit.advisor.id}")
    await visit.services.redis.set(_new(visit), sealed, ex=NEW_CODE_S)
    return _with_secret(visit, secret, "")


async def confirm_codes(visit: Visit) -> Response:
    sealed = await visit.services.redis.get(_new(visit))
    if not isinstance(sealed, bytes):
        return await show(visit, "code_late", status=400)
    secret = visit.services.vault.open(sealed, f"new code {visit.advisor.id}")
    if not pyotp.TOTP(secret).verify(visit.form.get("code", "").strip(), valid_window=1):
        return _with_secret(visit, secret, "code_wrong", 400)
    await visit.services.accounts.change(visit.advisor, totp=secret)
    await visit.services.redis.delete(_new(visit))
    await visit.services.audit.add("totp", visit.advisor.id, detail="on")
    return RedirectResponse("/desk/account", 303)


async def end_codes(visit: Visit) -> Response:
    if not await matches(visit.advisor.password, visit.form.get("old", "")):
        return await show(visit, "old_password_wrong", status=403)
    await visit.services.accounts.change(visit.advisor, totp="")
    await visit.services.audit.add("totp", visit.advisor.id, detail="off")
    return RedirectResponse("/desk/account", 303)


def _with_secret(visit: Visit, secret: str, wrong: str, status: int = 200) -> Response:
    address = pyotp.TOTP(secret).provisioning_uri(name=visit.advisor.name, issuer_name="Guichet")
    drawn = io.BytesIO()
    segno.make(address, error="m").save(
        drawn, kind="svg", scale=5, border=2, xmldecl=False, svgns=False, nl=False
    )
    # Ours: drawn from a random secret and the advisor's own name, as shapes.
    qr = Markup(drawn.getvalue().decode())  # noqa: S704
    return render(
        visit,
        "account.html",
        status,
        sessions=[],
        wrong=wrong,
        said="",
        secret=secret,
        qr=qr,
    )


def _new(visit: Visit) -> str:
    return desk(f"new-code:{visit.advisor.id}")
