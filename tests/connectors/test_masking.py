"""What tells who wrote is taken out before a question is kept."""

from __future__ import annotations

import pytest

from connectors.masking import MASK, masked


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("je m'appelle mamadou diallo et je suis bloqué", f"je m'appelle {MASK} et je suis bloqué"),
        ("Je m’appelle Diallo Mamadou, mon API ?", f"Je m'appelle {MASK}, mon API ?"),
        ("JE M'APPELLE DIALLO, mon api", f"JE M'APPELLE {MASK}, mon api"),
        ("mon ami Ousmane Traoré attend sa carte", f"mon ami {MASK} attend sa carte"),
        ("monsieur le préfet ne répond pas", "monsieur le préfet ne répond pas"),
        ("mme benali attend sa carte", f"mme {MASK} attend sa carte"),
        ("my name is john and it has an error", f"my name is {MASK} and it has an error"),
        ("appelez 06 12.34-56 78 svp", f"appelez {MASK} svp"),
        ("+33612345678", MASK),
        ("٠٦١٢٣٤٥٦٧٨ رقمي", f"{MASK} رقمي"),
        ("numéro étranger 9912345678", f"numéro étranger {MASK}"),
        ("passeport 12AB34567 perdu", f"passeport {MASK} perdu"),
        ("écrivez à m.diallo@exemple.fr", f"écrivez à {MASK}"),
        ("voir https://anef.test/dossier/77 merci", f"voir {MASK} merci"),
        ("اسمي محمد و عندي مشكل", f"اسمي {MASK} و عندي مشكل"),
        ("Меня зовут Иван Петров, сайт не работает", f"Меня зовут {MASK}, сайт не работает"),
        ("我叫王小明，网站打不开", f"我叫{MASK}，网站打不开"),
        ("combien coute une carte de 10 ans", "combien coute une carte de 10 ans"),
        ("deux\nlignes", "deux lignes"),
        ("\ud800 carte", "? carte"),
    ],
)  # fmt: skip
def test_what_is_left(text: str, left: str) -> None:
    assert masked(text) == left
