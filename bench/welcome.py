"""The two messages that everybody gets once, before the first answer: not counted as answers."""

from __future__ import annotations

from connectors.manners import WELCOME
from guichet import sms
from knowledge_base.content import load_library
from knowledge_base.dialogue import load_texts


def welcomes() -> frozenset[str]:
    """Their texts, in every language and style."""
    texts = load_texts(load_library().facts)
    responses = [
        texts.phrases(language).responses[name] for language in texts.languages for name in WELCOME
    ]
    return frozenset(
        text for each in responses for text in (each.text, each.sms, sms.to_gsm_7(each.sms))
    )
