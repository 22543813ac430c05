"""Measures the whole understanding, Rasa and the knowledge base together, on labelled messages."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from guichet import supervisor
from guichet.settings import Settings, SettingsError, running
from knowledge_base.content import load_library
from knowledge_base.errors import ContentError
from knowledge_base.examples import Case, load_cases, load_everything
from knowledge_base.model import Understanding

Report = dict[str, dict[str, float | int | None]]
Prediction = dict[str, Any]

#: The figures of a report, in order, with the heads of the table.
FIGURES = {
    "messages": "messages",
    "top1": "first",
    "top3": "in three",
    "answered": "answered",
    "answered_right": "of them right",
    "resolved": "resolved",
    "out_of_scope_rejected": "refused",
    "acts_right": "acts",
    "language_right": "language",
    "both": "both",
    "two_for_one": "two for one",
}


async def run(
    settings: Settings, files: list[Path], say: Callable[[str], None]
) -> tuple[Report, list[Prediction]]:
    """Understand every message of the files; the report and one prediction a message.

    Uses what runs on this data folder, or starts the knowledge base and Rasa for the
    while. Raises ContentError, SettingsError or StartFailed.
    """
    cases = read(files)
    async with _rasa(settings, say) as url:
        predictions = await _predict(url, cases, say)
    published = load_library().articles
    counted = [
        (case, prediction)
        for case, prediction in zip(cases, predictions, strict=True)
        if case.kind != "article" or (case.language, case.label) in published
    ]
    if len(counted) < len(cases):
        left_out = len(cases) - len(counted)
        say(f"{left_out} messages about subjects not published yet are left out of the figures.")
    return report([c for c, _ in counted], [p for _, p in counted]), predictions


def read(files: list[Path]) -> list[Case]:
    """Every message of the files. Raises ContentError when there is none."""
    cases = [case for path in files for case in load_cases(path)]
    if not cases:
        raise ContentError(f"no messages in {', '.join(map(str, files))}")
    return cases


def by_model(folder: Path, files: list[Path]) -> tuple[Report, list[Prediction]]:
    """The same by a trained model alone, without Rasa: any labels, any data.

    Raises ContentError or ModelError.
    """
    understanding, cases = Understanding.load(folder), read(files)
    predictions = [{"id": c.id, **understanding.decide(c.text).to_dict()} for c in cases]
    return report(cases, predictions), predictions


def report(cases: list[Case], predictions: list[Prediction]) -> Report:
    """The figures by language, of its messages in Latin letters once more ("ar-Latn"), and over
    all ("all")."""
    groups: dict[str, list[tuple[Case, Prediction]]] = defaultdict(list)
    for case, prediction in zip(cases, predictions, strict=True):
        for group in case.groups:
            groups[group].append((case, prediction))
    return {name: _figures(rows) for name, rows in sorted(groups.items(), key=_all_last)}


def table(report: Report) -> str:
    """The report for people."""
    head = f"{'language':10}" + "".join(f"{title:>15}" for title in FIGURES.values())
    lines = [head]
    for language, figures in report.items():
        cells = [_cell(name, figures[name]) for name in FIGURES]
        lines.append(f"{language:10}" + "".join(f"{cell:>15}" for cell in cells))
    return "\n".join(lines)


def under_floor(report: Report, floors: Path) -> list[str]:
    """One line for each figure under its floor. The file: `{language: {figure: floor}}`."""
    wanted: dict[str, dict[str, float]] = json.loads(floors.read_text())
    faults = []
    for language, figures in wanted.items():
        for name, floor in figures.items():
            reached = report.get(language, {}).get(name)
            if reached is None or reached < floor:
                shown = "nothing measured" if reached is None else f"{reached:.1%}"
                faults.append(f"{language}: {FIGURES[name]} {shown}, floor {floor:.0%}")
    return faults


def confusions(cases: Sequence[Case], predictions: Sequence[Prediction], most: int = 15) -> str:
    """What is taken for what most often, with an example each; and what nothing answered."""
    pairs: dict[tuple[str, str], list[str]] = defaultdict(list)
    unanswered = []
    for case, prediction in zip(cases, predictions, strict=True):
        if case.kind != "article":
            continue
        first = next(iter(_ranked(prediction, 1)), "nothing")
        if first != case.label:
            pairs[str(case.label), first].append(f"[{case.variant}] {case.text}")
        if prediction["decision"] == "fallback":
            unanswered.append(f"  {case.label}: [{case.variant}] {case.text}")
    worst = sorted(pairs.items(), key=lambda pair: -len(pair[1]))[:most]
    lines = ["", "Most often taken for another:"]
    lines += [f"  {len(t)} x {a} -> {b}: {t[0][:120]}" for (a, b), t in worst]
    lines += ["", f"No article answered ({len(unanswered)}):"]
    lines += [line[:150] for line in unanswered[: 2 * most]]
    return "\n".join(lines)


def draw_confusions(cases: Sequence[Case], predictions: Sequence[Prediction], folder: Path) -> None:
    """One picture a language variant: `confusion-<variant>.svg`."""
    from knowledge_base import pictures

    for variant in sorted({case.variant for case in cases}):
        own = [(c, p) for c, p in zip(cases, predictions, strict=True) if c.variant == variant]
        pictures.confusion(
            [c for c, _ in own],
            [p for _, p in own],
            variant,
            folder / f"confusion-{variant}.svg",
        )


def beside_baselines(
    cases: Sequence[Case],
    report: Report,
    folder: Path | None,
    say: Callable[[str], None],
    diet_epochs: int,
) -> str:
    """Trains each baseline on all that we learn from; "first" of each in one table."""
    from knowledge_base import pictures
    from knowledge_base.baselines import BASELINES, Baseline, first_right, rasa_default

    baselines: dict[str, Baseline] = {
        **BASELINES,
        "Rasa DIET": partial(rasa_default, epochs=diet_epochs),
    }

    examples = load_everything()
    first = {
        pictures.GUICHET: {
            variant: float(figures["top1"] or 0) for variant, figures in report.items()
        }
    }
    for name, baseline in baselines.items():
        began = time.monotonic()
        say(f"{name} …")
        first[name] = first_right(baseline(examples, cases), examples, cases)
        say(f"{name}: {time.monotonic() - began:.0f} s")
    if folder is not None:
        pictures.compare(first, folder / "baselines.svg")
    lines = ["", f"{'first':10}" + "".join(f"{name:>16}" for name in first)]
    lines += [
        f"{variant:10}" + "".join(f"{first[name].get(variant, 0):>16.1%}" for name in first)
        for variant in report
    ]
    return "\n".join(lines)


def _figures(rows: list[tuple[Case, Prediction]]) -> dict[str, float | int | None]:
    articles = [(c, p) for c, p in rows if c.kind == "article"]
    answered = [(c, p) for c, p in articles if p["decision"] == "answer"]
    offered = [(c, p) for c, p in articles if p["decision"] == "choose"]
    outside = [p for c, p in rows if c.kind == "out_of_scope"]
    acts = [(c, p) for c, p in rows if c.kind == "act"]
    two = [(c, p) for c, p in rows if c.kind == "two"]
    right = sum(c.label in (p["label"], p["second"]) for c, p in answered)
    offered_right = sum(c.label in p["candidates"] for c, p in offered)
    return {
        "messages": len(rows),
        "top1": _share(sum(_ranked(p, 1) == [c.label] for c, p in articles), len(articles)),
        "top3": _share(sum(c.label in _ranked(p, 3) for c, p in articles), len(articles)),
        "answered": _share(len(answered), len(articles)),
        "answered_right": _share(right, len(answered)),
        "resolved": _share(right + offered_right, len(articles)),
        "out_of_scope_rejected": _share(
            sum(p["decision"] == "fallback" for p in outside), len(outside)
        ),
        "acts_right": _share(
            sum(p["decision"] == "act" and p["label"] == c.label for c, p in acts), len(acts)
        ),
        "language_right": _share(sum(p["language"] == c.language for c, p in rows), len(rows)),
        "both": _share(
            sum({p["label"], p["second"]} == {c.label, c.second} for c, p in two), len(two)
        ),
        "two_for_one": _share(sum(p["second"] is not None for _, p in articles), len(articles)),
    }


async def _predict(url: str, cases: list[Case], say: Callable[[str], None]) -> list[Prediction]:
    done = 0
    limit = asyncio.Semaphore(4)
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:

        async def one(case: Case) -> Prediction:
            nonlocal done
            async with limit:
                text = case.text.lstrip("/ ")
                answer = await client.post("/model/parse", json={"text": text})
            answer.raise_for_status()
            decision: dict[str, Any] = answer.json()["knowledge_base"]
            done += 1
            if done % 500 == 0:
                say(f"  {done} of {len(cases)} messages …")
            return {"id": case.id, **decision}

        try:
            return list(await asyncio.gather(*(one(case) for case in cases)))
        except httpx.HTTPError as error:
            raise SettingsError(f"Rasa at {url} fails: {type(error).__name__}") from None


@asynccontextmanager
async def _rasa(settings: Settings, say: Callable[[str], None]) -> Any:
    state = running(settings)
    if settings.rasa_url is not None:
        yield settings.rasa_url
    elif state is not None:
        yield state["rasa_url"]
    else:
        say("The knowledge base and Rasa start …")
        started = await supervisor.up(settings, say, {"redis", "knowledge base", "rasa"})
        state = running(settings)
        try:
            yield state["rasa_url"] if state else ""
        finally:
            await supervisor.down(settings, started)


def _ranked(prediction: Prediction, count: int) -> list[str]:
    return [row["id"] for row in prediction["ranking"][:count]]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _cell(name: str, value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if name == "messages" else f"{value:.1%}"


def _all_last(item: tuple[str, Iterable[Any]]) -> tuple[bool, str]:
    return item[0] == "all", item[0]
