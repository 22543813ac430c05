"""The gateway is what its description says, and nothing sent to it is a 500."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from openapi_spec_validator import validate

from bench.telegram_stand_in import SECRET, TOKEN
from bench.twilio_stand_in import ACCOUNT_SID, WHATSAPP_NUMBER, post_webhook
from connectors.openapi import OPENAPI
from guichet.settings import Settings
from tests.connectors.test_gateway import gateway, settings

FIELDS = st.one_of(
    st.sampled_from(
        ["MessageSid", "CallSid", "From", "To", "Body", "NumMedia", "MediaUrl0", "OptOutType",
         "MediaContentType0", "ButtonPayload", "ButtonText", "Latitude", "MessageStatus",
         "ErrorCode"]
    ),
    st.text(max_size=12),
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(["", "0", "1", "STOP", "+33612345678", "whatsapp:", "a:fees", "delivered"]),
    st.text(max_size=40),
)


def all_channels(folder: Path, redis_url: str) -> Settings:
    return settings(
        folder,
        redis_url,
        twilio_whatsapp_from=WHATSAPP_NUMBER,
        telegram_token=TOKEN,
        telegram_secret=SECRET,
        messages_a_minute=0,
    )


def test_the_description_is_valid_openapi() -> None:
    validate(OPENAPI)


@pytest.mark.parametrize("path", ["sms", "whatsapp", "voice", "status"])
@given(form=st.dictionaries(FIELDS, VALUES, max_size=8))
@examples(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_signed_form_is_a_500(
    tmp_path: Path, redis_url: str, path: str, form: dict[str, str]
) -> None:
    url = f"https://guichet.example/twilio/{path}"
    async with gateway(all_channels(tmp_path, redis_url)) as client:
        answer = await post_webhook(client, url, form)
    assert answer.status_code in (200, 204, 400, 403)


async def test_ten_thousand_fields_are_refused(tmp_path: Path, redis_url: str) -> None:
    form = {f"k{n}": "" for n in range(10_000)}
    async with gateway(all_channels(tmp_path, redis_url)) as client:
        answer: httpx.Response = await client.post(
            "https://guichet.example/twilio/sms",
            data=form,
            headers={"X-Twilio-Signature": ACCOUNT_SID},
        )
    assert answer.status_code in (400, 413)
