"""Words for the same thing, in every language: `lexicon/<language>.yml`.

A wording that nobody has taught the classifier is understood through the concepts it
names, and what one language has taught helps the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from knowledge_base.content import FOLDER
from knowledge_base.errors import ContentError
from knowledge_base.normalise import words

LEXICON = FOLDER / "lexicon"
#: Words shorter than this are matched as they are; longer ones with one error.
SHORTEST_FUZZY = 6
#: Arabic writes these together with the next word: and, so, with, for, as, the.
_PROCLITICS = ("وال", "فال", "بال", "كال", "لل", "ال", "و", "ف", "ب", "ل", "ک")


class Lexicon:
    """Finds the concepts that a message names."""

    def __init__(self, forms: Mapping[str, Sequence[str]]) -> None:
        """`forms`: concept to its words, stems ("expir*") and phrases."""
        self.forms = {concept: list(written) for concept, written in forms.items()}
        self._words: dict[str, set[str]] = {}
        self._stems: dict[str, set[str]] = {}
        #: By the beginnings of their first two words.
        self._phrases: dict[tuple[str, str], list[tuple[tuple[str, ...], str]]] = {}
        self._deletions: dict[str, set[str]] = {}
        for concept, written in forms.items():
            for form in written:
                self._add(concept, form)
        self._longest_stem = max(map(len, self._stems), default=0)

    def _add(self, concept: str, form: str) -> None:
        stem = form.rstrip().endswith("*")
        parts = words(form.replace("*", " "))
        if not parts:
            return
        if len(parts) > 1:
            # Stems inside a phrase count as whole words or their beginnings alike.
            start = parts[0][:3], parts[1][:3]
            self._phrases.setdefault(start, []).append((tuple(parts), concept))
        elif stem:
            self._stems.setdefault(parts[0], set()).add(concept)
        else:
            self._words.setdefault(parts[0], set()).add(concept)
            if len(parts[0]) >= SHORTEST_FUZZY:
                for shorter in _without_one_letter(parts[0]):
                    self._deletions.setdefault(shorter, set()).add(concept)

    def find(self, text: str, *, fuzzy: bool = True) -> list[str]:
        """Concepts in the order of the words that name them, each time they are named.

        Without `fuzzy`, long words with one wrong letter are left out: "person" is not
        "prison".
        """
        found: list[str] = []
        parts = words(text)
        for index, word in enumerate(parts):
            concepts = set(self._of_word(word, fuzzy))
            after = parts[index + 1][:3] if index + 1 < len(parts) else ""
            for phrase, concept in self._phrases.get((word[:3], after), ()):
                following = parts[index : index + len(phrase)]
                if len(following) == len(phrase) and all(
                    there.startswith(wanted) if len(wanted) > 3 else there == wanted
                    for there, wanted in zip(following, phrase, strict=True)
                ):
                    concepts.add(concept)
            found += sorted(concepts)
        return found

    def _of_word(self, word: str, fuzzy: bool) -> set[str]:
        found = self._exactly(word)
        if found:
            return found
        for clitic in _PROCLITICS:
            if word.startswith(clitic) and len(word) - len(clitic) >= 3:
                found = self._exactly(word[len(clitic) :])
                if found:
                    return found
        if not fuzzy or len(word) < SHORTEST_FUZZY:
            return set()
        # One letter missing, added or other (Mor and Fraenkel's deletion neighbours).
        for shorter in (word, *_without_one_letter(word)):
            found = self._deletions.get(shorter, set()) | self._words.get(shorter, set())
            if found:
                return found
        return set()

    def _exactly(self, word: str) -> set[str]:
        found = set(self._words.get(word, ()))
        for length in range(3, min(len(word), self._longest_stem) + 1):
            found |= self._stems.get(word[:length], set())
        return found


def load_lexicon(folder: Path = LEXICON) -> Lexicon:
    """All languages together. Raises ContentError naming file and line."""
    forms: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.yml")):
        for concept, written in read(path).items():
            forms.setdefault(concept, []).extend(written)
    return Lexicon(forms)


def read(path: Path) -> dict[str, list[str]]:
    """One language's forms by concept. Raises ContentError naming file and line."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContentError(f"{path}:{line}: {error.problem}") from None
    if not isinstance(data, dict):
        raise ContentError(f"{path}:1: a mapping from concept to forms is expected")
    for number, (concept, written) in enumerate(data.items(), start=1):
        if not isinstance(written, list) or not all(isinstance(f, (str, int)) for f in written):
            raise ContentError(f"{path}:{number}: '{concept}' must be a list of texts")
    return {concept: [str(form) for form in written] for concept, written in data.items()}


def _without_one_letter(word: str) -> list[str]:
    return [word[:index] + word[index + 1 :] for index in range(len(word))]
