"""What a message means: its language, the articles nearest to it, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from knowledge_base.danger import alarm
from knowledge_base.encoder import Encoder
from knowledge_base.examples import ACT_NAMES, OUT_OF_SCOPE
from knowledge_base.features import Vocabulary
from knowledge_base.lexicon import Lexicon
from knowledge_base.linear import Floats, Linear, Rows, log_softmax
from knowledge_base.named_encoder import NamedEncoder
from knowledge_base.normalise import LONGEST, normalise
from knowledge_base.two_questions import two_questions
from knowledge_base.urgency import Urgency, urgency

#: Changes whenever what is written by one version cannot be read by another.
FORMAT = 3
DEFAULT_LANGUAGE = "fr"
#: Log odds in its favour in a conversation that has no language yet: "titre étudiant 2 ans".
FIRST_GUESS = 0.5
#: "Bonjour. Combien coûte le timbre ?" is a question. Its sentences are looked at one by one: up
#: to so many, of so many characters at least, sure of an article by so much.
_SENTENCE_END = re.compile(r"[.!?؟。！？।۔\n]+")
MOST_SENTENCES = 4
SHORTEST_QUESTION = 8
SURE = 0.8
BEFORE_A_QUESTION = frozenset({"greet", "thanks", "goodbye", "affirm", "menu"})
LATIN = "-Latn"

#: A third candidate is offered from this share of the first one's probability.
LEAST_OF_FIRST = 0.1

#: Feature numbers and weights, as Vocabulary.rows gives them.
Features = tuple[Rows, Floats]
What = Literal["answer", "choose", "act", "fallback"]


class ModelError(Exception):
    """There is no usable model in the folder; the text says why."""


@dataclass(frozen=True)
class Thresholds:
    """When to answer, ask back or give up; probabilities. Set from knowledge_base/decision.yml."""

    answer: float  #: certainty from which one article is given at once
    choose: float  #: certainty of the best three together from which they are offered
    act: float  #: certainty from which an act is taken
    refuse: float  #: probability of being out of scope, as a multiple of the best article's
    mix: float  #: share of the encoder beside the lexical score
    temperature: float  #: makes probabilities honest; above one is more modest
    language_habit: float  #: log odds in favour of the language a conversation has


@dataclass(frozen=True)
class Decision:
    """What the knowledge base makes of one message."""

    language: str
    script: Literal["native", "latin"]
    decision: What
    label: str | None
    certainty: float
    candidates: tuple[str, ...]
    second: str | None  #: the article that a second question in the message asks for
    urgency: Urgency
    ranking: tuple[tuple[str, float], ...]  #: articles, best first

    def to_dict(self) -> dict[str, Any]:
        """The service's answer; see its OpenAPI description."""
        ranking = [{"id": id, "score": round(score, 4)} for id, score in self.ranking]
        return {**asdict(self), "candidates": list(self.candidates), "ranking": ranking}


@dataclass
class Understanding:
    """A trained model: vocabulary, encoder, question index and classifiers."""

    vocabulary: Vocabulary
    encoder: Encoder
    meaning: Linear  #: classes are article ids, acts and OUT_OF_SCOPE
    prototypes: Floats  #: unit vectors, shape (classes, dimensions)
    prototype_scale: float
    language: Linear  #: classes are languages, "ar-Latn" apart from "ar"
    thresholds: Thresholds
    named: NamedEncoder | None = None
    named_only: bool = False  #: the named encoder stands in place of the default one
    #: Articles that exist, by language; None: all that were learnt.
    published: Mapping[str, frozenset[str]] | None = None

    def __post_init__(self) -> None:
        self.articles = [c for c in self.meaning.classes if c not in (*ACT_NAMES, OUT_OF_SCOPE)]
        classes = self.meaning.classes
        self._outside = classes.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in classes else None
        self._article_rows = np.array([self.meaning.classes.index(id) for id in self.articles])

    def decide(self, text: str, language: str | None = None) -> Decision:
        """Language and decision for a message in a conversation that has `language`."""
        features = self.vocabulary.rows(text)
        code = self.identify(text, language, features)
        base, script = code.removesuffix(LATIN), "latin" if code.endswith(LATIN) else "native"
        certainties = self.certainties(text, features)
        everything = self._ranking(certainties)
        ranking = self._of_language(everything, base)
        what, label, certainty, candidates = self._choose(certainties, ranking)
        second = None
        # What is asked has no article in this language yet: better a human than a neighbour.
        unwritten = what != "act" and everything[:1] != ranking[:1]
        if not normalise(text) or unwritten:
            what, label, certainty, candidates = "fallback", None, 0.0, ()
        else:
            if what in ("answer", "choose"):
                both = two_questions(
                    text, ranking, self.vocabulary, self.meaning, self._article_rows,
                    self.certainties,
                )  # fmt: skip
                if both is not None:
                    what, (label, second), candidates = "answer", both, ()
            elif what == "act" and label in BEFORE_A_QUESTION:
                asked = self._questions(text)
                if len(asked) == 1:
                    what, label = "answer", asked[0]
        return Decision(
            base,
            script,  # type: ignore[arg-type]
            what,
            label,
            certainty,
            candidates,
            second,
            alarm(text, base)
            or urgency(self.vocabulary.lexicon.find(text, fuzzy=False), dict(everything)),
            ranking[:10],
        )

    def _ranking(self, certainties: Floats) -> tuple[tuple[str, float], ...]:
        """All articles with their probability, best first."""
        order = self._article_rows[np.argsort(-certainties[self._article_rows])]
        return tuple((self.meaning.classes[row], float(certainties[row])) for row in order)

    def _of_language(
        self, ranking: tuple[tuple[str, float], ...], language: str
    ) -> tuple[tuple[str, float], ...]:
        if self.published is None:
            return ranking
        there = self.published.get(language, frozenset())
        return tuple(row for row in ranking if row[0] in there)

    def _questions(self, text: str) -> list[str]:
        """The articles that the sentences of a message ask for, each surely, in order."""
        sentences = [
            sentence
            for sentence in _SENTENCE_END.split(text[:LONGEST])
            if len(sentence) >= SHORTEST_QUESTION
        ]
        asked: list[str] = []
        if len(sentences) < 2:
            return asked
        for sentence in sentences[:MOST_SENTENCES]:
            certainties = self.certainties(sentence)
            best = int(np.argmax(certainties))
            label = self.meaning.classes[best]
            if label in self.articles and certainties[best] >= SURE and label not in asked:
                asked.append(label)
        return asked

    def certainties(self, text: str, features: Features | None = None) -> Floats:
        """A probability for each class; `features`: those of the text, where known already."""
        return mixed(*self.scores(text, features), self.thresholds)

    def scores(self, text: str, features: Features | None = None) -> tuple[Floats, Floats]:
        """Log probabilities by the lexical score and by the encoder, one a class each."""
        rows, values = features or self.vocabulary.rows(text)
        lexical = self.meaning.scores(rows, values)
        semantic = []
        if not self.named_only:
            vector = self.encoder.encode(rows)
            semantic.append(log_softmax(self.prototype_scale * (self.prototypes @ vector)))
        if self.named is not None:
            semantic.append(self.named.scores(text))
        return lexical, np.mean(semantic, axis=0)

    def identify(
        self, text: str, habit: str | None = None, features: Features | None = None
    ) -> str:
        """The language of a message, "ar-Latn" for Arabic in Latin letters."""
        rows, values = features or self.vocabulary.rows(text)
        if len(rows) == 0 or not any(letter.isalpha() for letter in text):
            return habit or DEFAULT_LANGUAGE
        scores = self.language.scores(rows, values)
        if habit is None and DEFAULT_LANGUAGE in self.language.classes:
            scores[self.language.classes.index(DEFAULT_LANGUAGE)] += FIRST_GUESS
        if habit:
            for index, code in enumerate(self.language.classes):
                if code.removesuffix(LATIN) == habit:
                    scores[index] += self.thresholds.language_habit
        return self.language.classes[int(np.argmax(scores))]

    def _choose(
        self, certainties: Floats, ranking: tuple[tuple[str, float], ...]
    ) -> tuple[What, str | None, float, tuple[str, ...]]:
        best = self.meaning.classes[int(np.argmax(certainties))]
        certainty = float(certainties.max())
        if best in ACT_NAMES and certainty >= self.thresholds.act:
            return "act", best, certainty, ()
        first = ranking[0][1] if ranking else 0.0
        out = float(certainties[self._outside]) if self._outside is not None else 0.0
        if not ranking or out >= self.thresholds.refuse * first:
            return "fallback", None, certainty, ()
        if first >= self.thresholds.answer:
            return "answer", ranking[0][0], first, ()
        near = sum(score for _, score in ranking[:3])
        if near >= self.thresholds.choose and len(ranking) > 1:
            # A third candidate that is hardly likely only costs the reader time.
            count = 3 if len(ranking) > 2 and ranking[2][1] > LEAST_OF_FIRST * first else 2
            return "choose", None, near, tuple(id for id, _ in ranking[:count])
        return "fallback", None, certainty, ()

    def save(self, folder: Path) -> None:
        """Write the model; model.json last, so that a half-written one is not used."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").unlink(missing_ok=True)
        self.encoder.save(folder / "encoder", self.vocabulary)
        arrays: dict[str, Any] = {
            "rarity": self.vocabulary.rarity,
            "prototypes": self.prototypes,
            **self.meaning.arrays("meaning"),
            **self.language.arrays("language"),
        }
        if self.named is not None:
            arrays |= {"named_weights": self.named.weights, "named_bias": self.named.bias}
        np.savez(folder / "arrays.npz", **arrays)
        (folder / "vocabulary.txt").write_text("\n".join(self.vocabulary.names), encoding="utf-8")
        (folder / "lexicon.json").write_text(
            json.dumps(self.vocabulary.lexicon.forms, ensure_ascii=False), encoding="utf-8"
        )
        about = {
            "format": FORMAT,
            "prototype_scale": self.prototype_scale,
            "thresholds": asdict(self.thresholds),
            "named": self.named.name if self.named else None,
            "named_only": self.named_only,
        }
        (folder / "model.json").write_text(json.dumps(about, indent=1))

    @classmethod
    def load(cls, folder: Path) -> Understanding:
        """Read a model. Raises ModelError when there is none, or one of another version."""
        try:
            about = json.loads((folder / "model.json").read_text())
            if about["format"] != FORMAT:
                raise ModelError(f"{folder} was written by another version: guichet kb train")
            arrays = np.load(folder / "arrays.npz")
            names = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
            lexicon = Lexicon(json.loads((folder / "lexicon.json").read_text(encoding="utf-8")))
            return cls(
                Vocabulary(names, arrays["rarity"], lexicon),
                Encoder.load(folder / "encoder"),
                Linear.from_arrays("meaning", arrays),
                arrays["prototypes"],
                about["prototype_scale"],
                Linear.from_arrays("language", arrays),
                Thresholds(**about["thresholds"]),
                NamedEncoder(about["named"], arrays["named_weights"], arrays["named_bias"])
                if about["named"]
                else None,
                about["named_only"],
            )
        except FileNotFoundError as error:
            raise ModelError(f"{error.filename} is missing: guichet kb train") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder} is damaged ({error}): guichet kb train") from None


def mixed(lexical: Floats, semantic: Floats, thresholds: Thresholds) -> Floats:
    """Probabilities from both scores, along the last axis."""
    score = (1 - thresholds.mix) * lexical + thresholds.mix * semantic
    return np.exp(log_softmax(score / thresholds.temperature))
