"""Messages with labels: questions to learn from, and messages to measure with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from guichet.settings import ROOT
from knowledge_base.content import FOLDER, PLACEHOLDER, load_library
from knowledge_base.errors import ContentError

QUESTIONS = FOLDER / "questions"
EVALUATION = FOLDER / "evaluation"
ACTS = ROOT / "nlu" / "acts"

OUT_OF_SCOPE = "out_of_scope"
ACT_NAMES = (
    "greet", "thanks", "goodbye", "affirm", "deny", "human",
    "change_language", "menu", "stop", "repeat", "who_are_you", "complaint",
)  # fmt: skip

Kind = Literal["article", "act", "out_of_scope", "two"]


@dataclass(frozen=True)
class Example:
    """A message and what it means."""

    text: str
    label: str  #: an article id, an act's name or OUT_OF_SCOPE
    language: str  #: base language, "ar"
    kind: Kind
    where: str  #: file and line


@dataclass(frozen=True)
class Case:
    """A message to measure with. See docs/design.md for the row's shape."""

    id: str
    language: str
    script: str
    kind: Kind
    label: str | None
    text: str
    second: str | None = None  #: of the kind "two": the article that is asked for besides

    @property
    def variant(self) -> str:
        """The language, with its script where that is not its own: "ar-Latn"."""
        return f"{self.language}-Latn" if self.script == "latin" else self.language

    @property
    def groups(self) -> set[str]:
        """Where its result counts: its language, in Latin letters apart once more, and all."""
        return {self.language, self.variant, "all"}


def load_questions(folder: Path = QUESTIONS) -> list[Example]:
    """All of `<language>/<label>.txt`. Raises ContentError naming file and line."""
    examples = []
    for path in sorted(folder.glob("*/*.txt")):
        kind: Kind = "out_of_scope" if path.stem == OUT_OF_SCOPE else "article"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise ContentError(f"{path}:{line}: not UTF-8") from None
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                raise ContentError(f"{path}:{number}: empty line")
            examples.append(
                Example(text.strip(), path.stem, path.parent.name, kind, f"{path}:{number}")
            )
    return examples


def load_article_texts() -> list[Example]:
    """Title, SMS and message of every article, facts left out: they name their subject in words
    that no question may use. Raises ContentError."""
    return [
        Example(
            PLACEHOLDER.sub(" ", text), article.id, article.language, "article", str(article.path)
        )
        for article in load_library().articles.values()
        for text in (article.title, article.sms, article.message)
    ]


def load_everything() -> list[Example]:
    """All that there is to learn from. Raises ContentError."""
    return [*load_questions(), *load_article_texts(), *load_acts()]


def load_acts(folder: Path = ACTS) -> list[Example]:
    """The acts of nlu/acts/<language>.yml, which are Rasa training data.

    Raises ContentError naming file and line.
    """
    examples = []
    for path in sorted(folder.glob("*.yml")):
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
            blocks = [(block["intent"], block["examples"]) for block in data["nlu"]]
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ContentError(f"{path}:{line}: {error.problem}") from None
        except (KeyError, TypeError) as error:
            raise ContentError(f"{path}:1: not Rasa NLU data: {error} missing") from None
        for intent, lines in blocks:
            if intent not in ACT_NAMES:
                raise ContentError(f"{path}:1: intent '{intent}' is no act")
            for text in lines.splitlines():
                text = text.strip().removeprefix("-").strip()
                if text:
                    examples.append(Example(text, intent, path.stem, "act", f"{path}: {intent}"))
    return examples


def load_cases(path: Path) -> Iterator[Case]:
    """The rows of an evaluation file. Raises ContentError naming file and line."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield Case(
                    str(row["id"]),
                    row["lang"],
                    row.get("script", "native"),
                    row["kind"],
                    row.get("label"),
                    row["text"],
                    row.get("second"),
                )
            except (ValueError, KeyError, TypeError) as error:
                reason = f"{error} missing" if isinstance(error, KeyError) else str(error)
                raise ContentError(f"{path}:{number}: {reason}") from None
