"""E-mail to advisors, by the SMTP server of the settings."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import smtplib
import ssl
from email.message import EmailMessage

from guichet.settings import MailServer

WAIT_S = 20.0
#: What a form takes for an address; whether it exists, the test message tells.
ADDRESS = re.compile(r"[^\s@<>\",;:\\]{1,64}@[^\s@<>\",;:\\]{1,190}\.[^\s@.<>\",;:\\]{2,}")


class NotSent(Exception):
    """The server is away or has refused; the text names the kind of fault, no address."""


async def send(server: MailServer, to: str, subject: str, text: str) -> None:
    """Raises NotSent."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = server.sender, to, subject
    # RFC 3834: no automatic answer to this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    try:
        await asyncio.to_thread(_deliver, server, message)
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(type(error).__name__) from None


def _deliver(server: MailServer, message: EmailMessage) -> None:
    context = ssl.create_default_context()
    if server.encrypted:
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=WAIT_S, context=context
        )
    else:
        client = smtplib.SMTP(server.host, server.port, timeout=WAIT_S)
    with client:
        # A password never goes in the clear, except within this machine.
        if not server.encrypted and not _here(server.host):
            client.starttls(context=context)
        if server.user:
            client.login(server.user, server.password)
        client.send_message(message)


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
