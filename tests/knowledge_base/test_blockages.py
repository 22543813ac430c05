"""The signs of blockages name what there is."""

from __future__ import annotations

from pathlib import Path

from knowledge_base import blockages
from knowledge_base.blockages import load_blockages
from knowledge_base.content import load_entries


def test_ours_has_no_fault() -> None:
    assert list(blockages.faults(load_entries())) == []


def test_faults_are_named(tmp_path: Path) -> None:
    path = tmp_path / "blockages.yml"
    path.write_text("site_error: {articles: {nothing: [no_such]}, skills: [dance]}\n")
    faults = [fault.partition(":1: ")[2] for fault in blockages.faults(load_entries(), path)]
    assert faults == [
        "the kinds are site_error, no_appointment, attestation_missing, no_substitution",
        "site_error: no article 'nothing'",
        "site_error: no concept 'no_such' in the lexicon",
        "site_error: no skill 'dance'",
    ]
    broken = tmp_path / "broken.yml"
    broken.write_text("site_error: [\n")
    assert len(list(blockages.faults(load_entries(), broken))) == 1


def test_the_same_signs_in_every_language() -> None:
    met = load_blockages().met
    for text in ("aucun créneau", "no slots", "no hay citas", "нет записи"):
        assert met(["prefecture-contact"], [], text) == ["no_appointment"], text
    assert met(["prefecture-contact"], [], "horaires du guichet") == []
    assert met(["technical-block", "substitution"], ["letter"], "") == [
        "site_error",
        "no_substitution",
    ]
