"""One spelling for many, and no text that breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.normalise import normalise


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
