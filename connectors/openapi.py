"""The gateway's own description, at `/openapi.json`."""

from __future__ import annotations

from typing import Any

_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_XML = {"text/xml": {"schema": {"type": "string"}}}
_REFUSALS = {
    "400": ("Not what the provider documents", _TEXT),
    "403": ("Signature or secret token missing or wrong", _TEXT),
    "404": ("This channel is off here", _TEXT),
    "408": ("The body took too long", _TEXT),
    "413": ("Body over 64 KB", _TEXT),
    "415": ("Not the content type that the provider sends", _TEXT),
    "429": ("Too many messages a minute from one sender", _TEXT),
    "503": ("Not stored: try again", _TEXT),
}


def _operation(id: str, summary: str, body: str, answers: dict[str, Any]) -> dict[str, Any]:
    refusals = {
        status: {"description": text, "content": content}
        for status, (text, content) in _REFUSALS.items()
    }
    schema = {"type": "object", "additionalProperties": True}
    return {
        "post": {
            "operationId": id,
            "summary": summary,
            "requestBody": {"required": True, "content": {body: {"schema": schema}}},
            "responses": {**answers, **refusals},
        }
    }


_FORM = "application/x-www-form-urlencoded"
_TWIML = {"200": {"description": "Stored; nothing to say now", "content": _XML}}

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Guichet gateway",
        "version": "1",
        "description": "Webhooks that Twilio and Telegram call.",
    },
    "paths": {
        "/twilio/sms": _operation("twilioSms", "An SMS arrived", _FORM, _TWIML),
        "/twilio/whatsapp": _operation("twilioWhatsApp", "A WhatsApp came", _FORM, _TWIML),
        "/twilio/voice": _operation("twilioVoice", "Somebody calls", _FORM, _TWIML),
        "/twilio/status": _operation(
            "twilioStatus", "What became of a message", _FORM, {"204": {"description": "Noted"}}
        ),
        "/telegram/webhook": _operation(
            "telegramWebhook",
            "An update of the bot",
            "application/json",
            {"200": {"description": "Stored, or nothing for us", "content": _TEXT}},
        ),
        "/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether messages can be accepted",
                "responses": {
                    status: {
                        "description": text,
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                    for status, text in (("200", "Yes"), ("503", "No"))
                },
            }
        },
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "Queues, workers and counts, for Prometheus",
                "responses": {
                    "200": {"description": "Prometheus text format", "content": _TEXT},
                    "503": {"description": "Redis is away", "content": _TEXT},
                },
            }
        },
    },
}
