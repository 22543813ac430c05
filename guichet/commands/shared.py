"""What the commands share: settings, clear endings, progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import typer

from guichet.settings import Settings, SettingsError, load_settings

T = TypeVar("T")


def fail(message: str) -> NoReturn:
    """End with exit status 1 and a line that says why."""
    typer.echo(message, err=True)
    raise typer.Exit(1)


def content(read: Callable[[], T]) -> T:
    """What `read` returns; ends with its lines when the content is broken."""
    from knowledge_base.errors import ContentError

    try:
        return read()
    except ContentError as error:
        fail(str(error))


def settings_or_end() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        fail(str(error))


@contextmanager
def bar(name: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error; one line when nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("  {task.description:34}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def progress(text: str) -> None:
    """A line of progress, on standard error so that pipes stay clean."""
    typer.echo(text, err=True)
