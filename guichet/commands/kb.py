"""`guichet kb`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from guichet.commands.shared import bar, content, fail, progress, settings_or_end
from guichet.settings import SettingsError

kb = typer.Typer(help="The knowledge base: check, train, search.", no_args_is_help=True)

DataOption = Annotated[
    Path | None, typer.Option(help="Folder of questions/<language>/<label>.txt instead of ours.")
]


@kb.command()
def check(
    language: Annotated[
        list[str] | None, typer.Option(help="Only this language, served yet or not; repeatable.")
    ] = None,
) -> None:
    """Every article, language, fact and source: complete and consistent, or exit 1."""
    import knowledge_base.check as checks
    from knowledge_base.languages import load_languages

    unknown = sorted(set(language or ()) - set(load_languages()))
    if unknown:
        fail(f"unknown language {', '.join(unknown)}: one of {', '.join(load_languages())}")
    faults, summary = checks.run(language)
    for fault in faults:
        typer.echo(fault)
    typer.echo(summary, err=bool(faults))
    if faults:
        raise typer.Exit(1)


@kb.command()
def status(
    markdown: Annotated[bool, typer.Option("--markdown", help="The table of the README.")] = False,
) -> None:
    """Article by language: present, checked by a native reader or not, due again."""
    from datetime import date

    from knowledge_base import status as status_
    from knowledge_base.content import load_library
    from knowledge_base.dialogue import load_texts
    from knowledge_base.languages import load_languages
    from knowledge_base.review import load_reviews

    library, reviews = content(load_library), content(load_reviews)
    languages = list(load_languages().values())
    if markdown:
        typer.echo(status_.markdown(library, languages, reviews))
    else:
        typer.echo(status_.table(library, languages, reviews, date.today()))  # noqa: DTZ011
        texts = content(lambda: load_texts(library.facts))
        offered = [language for language in languages if language.served]
        typer.echo(status_.segments(library, texts, offered))


@kb.command()
def export(
    language: str,
    out: Annotated[Path | None, typer.Option(help="Default: LANGUAGE.xlsx here.")] = None,
) -> None:
    """A review sheet (XLSX): French beside the language, one row a text part."""
    from knowledge_base import review

    path = out or Path(f"{language}.xlsx")
    count = content(lambda: review.export(language, path))
    typer.echo(f"{count} text parts in {path}. Take it back with: guichet kb import {path}")


@kb.command("import")
def import_(
    file: Path,
    by: Annotated[str, typer.Option(help="Who read the texts marked checked.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show; write nothing.")] = False,
) -> None:
    """Take a sheet in: an edited review sheet, or the questions that the desk accepted."""
    from datetime import date

    from knowledge_base import review

    today = date.today()  # noqa: DTZ011
    taken = content(lambda: review.take(file, by, on=today, write=not dry_run))
    if taken.changes:
        typer.echo(taken.difference())
    for part in taken.skipped:
        typer.echo(f"skipped, the French has changed since the export: {part}", err=True)
    typer.echo(
        f"{len(taken.changes)} text parts changed, {len(taken.checked)} articles marked checked"
        + (" (nothing written: dry run)" if dry_run else "")
    )
    for question in taken.questions:
        typer.echo(f"+ {question.language}/{question.label}: {question.text}")
    if taken.questions and not dry_run:
        typer.echo(f"{len(taken.questions)} questions added: now `guichet kb train`")


@kb.command()
def book(
    language: str,
    out: Annotated[Path | None, typer.Option(help="Default: guichet-LANGUAGE.html here.")] = None,
) -> None:
    """All articles of a language as one page to proof-read and print."""
    from datetime import date

    from knowledge_base import book as book_
    from knowledge_base.content import load_library
    from knowledge_base.dialogue import load_texts
    from knowledge_base.languages import load_languages

    spoken = load_languages().get(language)
    if spoken is None:
        fail(f"unknown language '{language}': one of {', '.join(load_languages())}")
    library = content(load_library)
    texts = content(lambda: load_texts(library.facts, languages={"fr", language}))
    if language not in texts.languages:
        fail(f"bot/responses/{language}.yml is missing")
    path = out or Path(f"guichet-{language}.html")
    today = date.today()  # noqa: DTZ011
    count = content(lambda: book_.write(library, texts, spoken, path, today))
    typer.echo(f"{count} articles in {path}")


@kb.command()
def train(
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the model.")] = None,
) -> None:
    """Train the encoder and build the index."""
    from knowledge_base import training
    from knowledge_base.errors import ContentError

    try:
        settings = settings_or_end()
        training.run(data, out or settings.model_dir, progress, bar, settings.encoder)
    except (SettingsError, ContentError) as error:
        fail(str(error))


@kb.command()
def tune() -> None:
    """Set the thresholds of knowledge_base/decision.yml on the evaluation messages."""
    from knowledge_base import training, tuning
    from knowledge_base.content import load_library
    from knowledge_base.examples import EVALUATION, load_cases
    from knowledge_base.languages import served
    from knowledge_base.model import ModelError, Understanding

    settings = settings_or_end()
    try:
        understanding = Understanding.load(settings.model_dir)
    except ModelError as error:
        fail(str(error))
    files = sorted(EVALUATION.glob("*.jsonl"))
    published = content(load_library).articles
    everything = content(lambda: [case for file in files for case in load_cases(file)])
    cases = [
        case
        for case in everything
        if case.language in served()
        and (case.kind != "article" or (case.language, case.label) in published)
    ]
    before = content(training.load_thresholds)
    understanding.thresholds = before
    progress(f"Knowledge base: thresholds for {len(cases)} messages …")
    found = tuning.tune(understanding, cases, progress)
    tuning.write(found, training.THRESHOLDS)
    understanding.thresholds = found
    understanding.save(settings.model_dir)
    for name, value in vars(found).items():
        typer.echo(f"{name:16} {vars(before)[name]:g} -> {value:g}")


@kb.command()
def search(
    text: str,
    language: Annotated[str | None, typer.Option(help="The language the conversation has.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """What the knowledge base would answer."""
    from knowledge_base.model import ModelError, Understanding

    try:
        decision = Understanding.load(settings_or_end().model_dir).decide(text, language)
    except (SettingsError, ModelError) as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(decision.to_dict(), ensure_ascii=False))
        return
    typer.echo(f"{decision.decision}: {decision.label or '-'}   language {decision.language}")
    for label, score in decision.ranking[:5]:
        typer.echo(f"  {score:6.1%}  {label}")
