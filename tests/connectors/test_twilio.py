"""Twilio's webhooks: signatures over every form, and what a form means."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.twilio_stand_in import AUTH_TOKEN, sign, webhook_form
from connectors.channels import Refused
from connectors.twilio import parse_form, parse_message, signature_holds

URL = "https://guichet.example/twilio/sms"


def holds(url: str, body: bytes, signature: str) -> bool:
    return signature_holds(AUTH_TOKEN, url, parse_form(body), signature)


def test_a_right_signature_holds() -> None:
    form = webhook_form("+33612345678", "¿Qué? ¡Hola! سلام 😀")
    assert holds(URL, urlencode(form).encode(), sign(URL, form))


@pytest.mark.parametrize("signature", ["", "x", "é", base64.b64encode(b"0" * 20).decode()])
def test_a_wrong_signature_does_not(signature: str) -> None:
    form = webhook_form("+33612345678", "bonjour")
    assert not holds(URL, urlencode(form).encode(), signature)


def test_a_changed_text_breaks_the_signature() -> None:
    form = webhook_form("+33612345678", "bonjour")
    signature = sign(URL, form)
    assert not holds(URL, urlencode({**form, "Body": "bonsoir"}).encode(), signature)


def test_empty_values_belong_to_the_signature() -> None:
    form = webhook_form("+33612345678", "", FromCity="")
    assert holds(URL, urlencode(form).encode(), sign(URL, form))


def test_repeated_keys_belong_to_the_signature() -> None:
    # Twilio signs each distinct value of a repeated key, sorted.
    body = b"MessageSid=SM1&From=%2B33612345678&Tag=b&Tag=a"
    signature = sign(URL, {"MessageSid": "SM1", "From": "+33612345678", "Tag": "aTagb"})
    assert holds(URL, body, signature)
    assert not holds(URL, b"MessageSid=SM1&From=%2B33612345678&Tag=b", signature)


@pytest.mark.parametrize(
    "called",
    [
        "http://guichet.example/twilio/sms",
        "https://other.example/twilio/sms",
        "https://guichet.example/twilio/whatsapp",
    ],
    ids=["scheme", "host", "path"],
)
def test_another_address_breaks_the_signature(called: str) -> None:
    form = webhook_form("+33612345678", "bonjour")
    assert not holds(called, urlencode(form).encode(), sign(URL, form))


@pytest.mark.parametrize("port", [443, 8443])
def test_a_port_may_be_written_or_not(port: int) -> None:
    # Twilio itself is not consistent about it; its own validator tries both.
    form = webhook_form("+33612345678", "bonjour")
    url = f"https://guichet.example:{port}/twilio/sms"
    assert holds(url, urlencode(form).encode(), sign(URL, form))


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"Body": " Bonjour "}, "text", "Bonjour"),
        ({"Body": "", "NumMedia": "1", "MediaUrl0": "https://x"}, "media", ""),
        ({"Body": "ma lettre", "NumMedia": "3"}, "text", "ma lettre"),
        ({"Body": "", "Latitude": "48.8", "Longitude": "2.3"}, "location", ""),
        ({"Body": ""}, "empty", ""),
        ({"Body": "¡hola"}, "text", "¡hola"),
        ({"Body": "", "NumMedia": "two"}, "media", ""),
        ({"ButtonPayload": "a:fees", "ButtonText": "Prix"}, "button", "Prix"),
        ({"ListId": "a:fees", "ListTitle": "Prix"}, "button", "Prix"),
        ({"Body": "STOP", "OptOutType": "STOP"}, "control", "STOP"),
        ({"Body": "bonjour", "BrandNewField": "x"}, "text", "bonjour"),
    ],
)
def test_what_a_form_means(fields: dict[str, str], kind: str, text: str) -> None:
    form = webhook_form("+33612345678", "", **fields)
    message = parse_message(parse_form(urlencode(form).encode()), "sms")
    assert (message.kind, message.text, message.address) == (kind, text, "+33612345678")


@pytest.mark.parametrize("missing", ["MessageSid", "From"])
def test_a_form_without_its_keys_is_refused(missing: str) -> None:
    form = webhook_form("+33612345678", "bonjour", **{missing: ""})
    with pytest.raises(Refused, match=missing):
        parse_message(parse_form(urlencode(form).encode()), "sms")


@given(st.binary(max_size=2000))
def test_no_body_makes_the_parser_fail_otherwise_than_documented(body: bytes) -> None:
    try:
        form = parse_form(body)
    except ValueError:
        return
    signature_holds(AUTH_TOKEN, URL, form, "x")
    try:
        parse_message(form, "sms")
    except Refused:
        return
