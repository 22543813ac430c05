"""`guichet observatory`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from guichet.commands.shared import fail, settings_or_end
from guichet.settings import SettingsError


def observatory(
    csv: Annotated[Path, typer.Option(help="Write the figures here.")],
    year: Annotated[int | None, typer.Option(help="ISO year; default: this one.")] = None,
    language: Annotated[str, typer.Option(help="Of the names: fr, or en.")] = "fr",
) -> None:
    """Blockages met, by department, subject, language and week; never fewer than five people."""
    from desk import commands
    from desk.texts import LANGUAGES

    if language not in LANGUAGES:
        fail(f"unknown language '{language}': {' or '.join(LANGUAGES)}")
    if year is not None and not 2020 <= year <= 2099:
        fail(f"{year} is no year that there are counts of")
    try:
        text = asyncio.run(commands.observatory(settings_or_end(), year, language))
        csv.write_text(text, encoding="utf-8-sig", newline="")
    except (SettingsError, OSError) as error:
        fail(str(error))
    typer.echo(f"written to {csv}")
