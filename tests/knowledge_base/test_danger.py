"""Words of people in danger, in every language."""

from __future__ import annotations

from pathlib import Path

import pytest

from guichet.settings import ROOT
from knowledge_base.danger import alarm
from knowledge_base.languages import load_languages

#: `danger: …` or `distress: …` a line, by somebody who had not seen danger.yml.
WORDINGS = sorted((ROOT / "tests" / "data" / "danger").glob("*.txt"))
#: Articles whose questions are about danger.
OF_DANGER = {"violence-victim", "emergency-shelter", "detention", "oqtf", "unaccompanied-minor"}
MOST_FALSE = 0.001


def test_every_language_has_wordings() -> None:
    assert {path.stem for path in WORDINGS} == set(load_languages())


@pytest.mark.parametrize("path", WORDINGS, ids=lambda path: path.stem)
def test_ten_wordings_a_language_bring_the_right_numbers(path: Path) -> None:
    rows = [line.split(": ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 12
    missed = [text for wanted, text in rows if alarm(text, path.stem) != wanted]
    assert len(rows) - len(missed) >= 10, missed
    # Words of suicide are never missed.
    assert not [text for text in missed if ["distress", text] in rows]


def test_a_language_taken_for_another_does_not_hide_words_of_suicide() -> None:
    assert alarm("хочу померти", "fr") == "distress"


def test_questions_about_other_things_raise_no_alarm() -> None:
    asked = 0
    false = []
    for path in (ROOT / "knowledge_base" / "questions").rglob("*.txt"):
        if path.stem not in OF_DANGER:
            for line in path.read_text(encoding="utf-8").splitlines():
                asked += 1
                if alarm(line, path.parent.name) is not None:
                    false.append(line)
    assert asked > 10_000
    assert len(false) <= MOST_FALSE * asked, false
