"""Pictures of an evaluation: right at the first try by language, and what is taken for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from knowledge_base.examples import Case

GUICHET = "Guichet"
COLOURS = ("#1f5b99", "#c9d3de", "#9fb3a2", "#d8b26e", "#b98a9c")


def compare(first: Mapping[str, Mapping[str, float]], out: Path) -> None:
    """Bars: `first[system][language variant]`, a share. Written as SVG."""
    pyplot = _pyplot()
    variants = [name for name in next(iter(first.values())) if name != "all"]
    figure, axes = pyplot.subplots(figsize=(11, 4.2), layout="constrained")
    width = 0.8 / len(first)
    for number, (system, shares) in enumerate(first.items()):
        places = np.arange(len(variants)) + number * width
        values = [100 * shares.get(variant, 0) for variant in variants]
        axes.bar(places, values, width, label=system, color=COLOURS[number % len(COLOURS)])
    axes.axhline(88, color="#8a2f2f", linewidth=0.8, linestyle="--")
    axes.set_xticks(np.arange(len(variants)) + 0.4 - width / 2, variants)
    axes.set_ylabel("right article first, %")
    axes.set_ylim(0, 100)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(ncols=len(first), loc="upper center", bbox_to_anchor=(0.5, 1.13), frameon=False)
    _save(figure, out)


def confusion(
    cases: Sequence[Case], predictions: Sequence[Mapping[str, Any]], title: str, out: Path
) -> None:
    """What each article is taken for: only articles with a mistake are drawn."""
    pyplot = _pyplot()
    pairs = Counter(
        (str(case.label), prediction["ranking"][0]["id"])
        for case, prediction in zip(cases, predictions, strict=True)
        if case.kind == "article" and prediction["ranking"]
    )
    wrong = {pair for pair in pairs if pair[0] != pair[1]}
    rows = sorted({wanted for wanted, _ in wrong})
    columns = sorted({taken for _, taken in wrong} | set(rows))
    figure, axes = pyplot.subplots(
        figsize=(2.5 + 0.28 * max(1, len(columns)), 2 + 0.28 * max(1, len(rows))),
        layout="constrained",
    )
    table = np.array([[pairs[row, column] for column in columns] for row in rows] or [[0]])
    axes.imshow(table, cmap="Blues", vmin=0, vmax=3, aspect="auto")
    for (row, column), count in np.ndenumerate(table):
        if count:
            axes.text(column, row, str(count), ha="center", va="center", fontsize=7)
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=7)
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    axes.set_title(f"{title}: {sum(pairs[p] for p in wrong)} of {sum(pairs.values())} taken wrong")
    _save(figure, out)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "guichet"  # the same picture is the same file
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    return pyplot


def _save(figure: Any, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, format="svg", metadata={"Date": None})
    _pyplot().close(figure)
