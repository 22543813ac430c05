"""One spelling for many, and no text that breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.normalise import length, normalise, words


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("Ma Carte est PÉRIMÉE !!!", "ma carte est perimee"),
        ("jai plu de rdv", "j ai plu de rendez vous"),
        ("l’attestation", "l attestation"),
        ("ماهي بطاقة الإقامة؟", "ماهي بطاقه الاقامه"),
        ("إقامــــة", "اقامه"),
        ("٣ أشهر", "3 اشهر"),
        ("merciiiiii", "mercii"),
        ("ﷺ", normalise("صلى الله عليه وسلم")),
        ("می\u200cخواهم", "مي خواهم"),
        ("ＡＮＥＦ", "anef"),
        ("", ""),
        ("😀😀", ""),
        ("\u200b\u200f", ""),
        ("\ud83d", ""),
    ],
)
def test_forms_of_one_word_become_one(typed: str, normal: str) -> None:
    assert normalise(typed) == normal


@given(st.text(alphabet=st.characters(), max_size=3000))
def test_any_text_has_a_normal_form_that_stays(text: str) -> None:
    once = normalise(text)
    assert once == " ".join(once.split())
    assert len(once) < 20_000


def test_traditional_characters_are_read_as_simplified_ones() -> None:
    assert normalise("居留證過期了") == normalise("居留证过期了")


def test_bengali_words_stay_whole() -> None:
    assert normalise("আমি কি কার্ড রাখতে পারব?").split() == ["আমি", "কি", "কার্ড", "রাখতে", "পারব"]


def test_french_of_telephones_is_written_out() -> None:
    assert normalise("g pa mon tit2sej 2main") == "j ai pa mon titre de sejour demain"


def test_half_of_a_surrogate_pair_does_no_harm() -> None:
    assert normalise("证\ud800件") == "证件"


def test_chinese_has_words_too() -> None:
    assert words("办RDV 卡片") == ["办", "rendez", "vous", "卡", "片"]
    assert length("我的居留卡过期了怎么办") == 6
    assert length("rdv prefecture") == 3
    assert length("") == 0
