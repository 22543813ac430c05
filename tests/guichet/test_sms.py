"""Segments as Twilio counts them, and texts that fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guichet.sms import measure, split, to_gsm_7


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("Ç" * 160, "GSM-7", 160, 1),
        ("€" * 80, "GSM-7", 160, 1),
        ("[]{}", "GSM-7", 8, 1),
        ("ç", "UCS-2", 1, 1),
        ("ê", "UCS-2", 1, 1),
        ("œ", "UCS-2", 1, 1),
        ("’", "UCS-2", 1, 1),
        ("م" * 70, "UCS-2", 70, 1),
        ("م" * 71, "UCS-2", 71, 2),
        ("م" * 134, "UCS-2", 134, 2),
        ("م" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
    ],
)
def test_segments(text: str, alphabet: str, units: int, segments: int) -> None:
    measured = measure(text)
    assert (measured.alphabet, measured.units, measured.segments) == (alphabet, units, segments)


def test_an_escaped_character_is_not_split_between_two_segments() -> None:
    # 152 septets, then "€" takes two: it moves whole to the second segment.
    assert measure("a" * 152 + "€" + "a" * 152).segments == 3


def test_french_letters_are_replaced_not_dropped() -> None:
    assert to_gsm_7("Être logé à l’hôtel, reçu…") == "Etre logé à l'hotel, recu..."
    assert to_gsm_7("cœur « été »") == 'coeur "été"'


def test_a_text_in_another_script_is_left_alone() -> None:
    assert to_gsm_7("بطاقة ê") == "بطاقة ê"


def test_parts_are_cut_between_sentences() -> None:
    text = "Une phrase assez longue pour compter. " * 12
    parts = split(text, 2)
    assert len(parts) == 2
    assert all(part.endswith(".") for part in parts)


def test_a_part_has_room_for_the_footer() -> None:
    parts = split("mot " * 400, 2, "\nSUITE = la suite")
    assert len(parts) > 2
    assert all(measure(part + "\nSUITE = la suite").segments <= 2 for part in parts[:-1])


@given(st.text(min_size=1, max_size=2000), st.integers(1, 4))
def test_nothing_is_lost_in_parts(text: str, segments: int) -> None:
    parts = split(text, segments)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(measure(part).segments <= segments for part in parts)


@given(st.text(max_size=500))
def test_replacing_letters_never_lengthens_the_bill(text: str) -> None:
    if measure(text).alphabet == "GSM-7":
        assert measure(to_gsm_7(text)).segments == measure(text).segments


def test_a_part_without_a_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        split("a", 0)


def test_chinese_is_cut_after_a_sentence_that_fits_and_not_one_letter_later() -> None:
    for length in range(60, 75):
        text = "证" * length + "。" + "卡" * 40
        for part in split(text, 1, ""):
            assert measure(part).segments == 1
