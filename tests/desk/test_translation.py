"""One contract for both translators; the programs behind them lie outside.

LibreTranslate is stood in for by a server that answers as its documents say, Argos Translate by
a module of the shape of argostranslate.translate 1.11 (its models are no package).
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from types import ModuleType

import pytest

from bench.serving import serving
from bench.translator_stand_in import KEY, TranslatorStandIn
from desk.translation import NotTranslated, Remembering, Translator, make_translator
from guichet.settings import Settings

WORDS = {("ar", "fr"): "bonjour", ("zh", "fr"): "merci", ("fr", "ar"): "مرحبا"}


@pytest.fixture
async def server() -> AsyncIterator[tuple[TranslatorStandIn, str]]:
    made = TranslatorStandIn(lambda text, source, target: WORDS[source, target])
    async with serving(made.app()) as url:
        yield made, url


@pytest.fixture
def argos(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    class Way:
        def __init__(self, pair: tuple[str, str]) -> None:
            self.pair = pair

        def translate(self, text: str) -> str:
            return WORDS[self.pair]

    class Language:
        def __init__(self, code: str) -> None:
            self.code = code

        def get_translation(self, to: Language) -> Way | None:
            pair = self.code, to.code
            return Way(pair) if pair in WORDS else None

    def find(code: str) -> Language | None:
        return Language(code) if code in ("ar", "fr", "zh") else None

    module = ModuleType("argostranslate.translate")
    module.get_language_from_code = find  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "argostranslate", ModuleType("argostranslate"))
    monkeypatch.setitem(sys.modules, "argostranslate.translate", module)
    return module


Make = Callable[[str], Awaitable[Translator]]


@pytest.fixture(params=["libretranslate", "argos"])
async def translator(
    request: pytest.FixtureRequest, server: tuple[TranslatorStandIn, str], argos: ModuleType
) -> AsyncIterator[Translator]:
    name = server[1] if request.param == "libretranslate" else "argos"
    made = make_translator(Settings.model_validate({"translator": name, "translator_key": KEY}))
    assert made is not None
    yield made
    await made.close()


@pytest.mark.parametrize("pair", WORDS)
async def test_a_text_becomes_another(translator: Translator, pair: tuple[str, str]) -> None:
    assert await translator.translate("…", *pair) == WORDS[pair]


@pytest.mark.parametrize("pair", [("ps", "fr"), ("ar", "ps"), ("ar", "zh")])
async def test_languages_that_it_does_not_have(
    translator: Translator, pair: tuple[str, str]
) -> None:
    with pytest.raises(NotTranslated, match="translator_no_pair"):
        await translator.translate("…", *pair)


async def test_the_same_text_is_asked_for_once(server: tuple[TranslatorStandIn, str]) -> None:
    made = make_translator(
        Settings.model_validate({"translator": server[1], "translator_key": KEY})
    )
    assert isinstance(made, Remembering)
    for _ in range(3):
        await made.translate("السلام", "ar", "fr")
    await made.close()
    assert [(row["q"], row["format"]) for row in server[0].asked] == [("السلام", "text")]


@pytest.mark.parametrize("status", [400, 403, 429, 500])
async def test_a_server_that_refuses(server: tuple[TranslatorStandIn, str], status: int) -> None:
    made = make_translator(
        Settings.model_validate({"translator": server[1], "translator_key": KEY})
    )
    assert made is not None
    server[0].status = status
    with pytest.raises(NotTranslated, match="translator_away"):
        await made.translate("السلام", "ar", "fr")
    server[0].status = 200
    assert await made.translate("السلام", "ar", "fr") == "bonjour"
    await made.close()


async def test_a_server_that_is_not_there() -> None:
    made = make_translator(Settings.model_validate({"translator": "http://127.0.0.1:9"}))
    assert made is not None
    with pytest.raises(NotTranslated, match="translator_away"):
        await made.translate("السلام", "ar", "fr")
    await made.close()


def test_off_unless_it_is_named() -> None:
    assert make_translator(Settings.model_validate({})) is None
    with pytest.raises(ValueError, match="GUICHET_TRANSLATOR"):
        Settings.model_validate({"translator": "google"})
