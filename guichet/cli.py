"""The `guichet` command. Each command loads only what it needs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from guichet.settings import Settings, SettingsError, load_settings

T = TypeVar("T")

app = typer.Typer(
    help="Guichet: answers about ANEF by text message.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
kb = typer.Typer(help="The knowledge base: check, train, search.", no_args_is_help=True)
app.add_typer(kb, name="kb")
bench = typer.Typer(help="Measure this installation.", no_args_is_help=True)
app.add_typer(bench, name="bench")
advisors = typer.Typer(help="Advisors' accounts for the desk.", no_args_is_help=True)
app.add_typer(advisors, name="advisors")

DataOption = Annotated[
    Path | None, typer.Option(help="Folder of questions/<language>/<label>.txt instead of ours.")
]


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


@app.command()
def up() -> None:
    """Run every process of this machine; Ctrl-C or SIGTERM stops them all."""
    from guichet import __version__, supervisor

    settings = _settings()

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_ in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signal_, stop.set)
        typer.echo(f"Guichet {__version__}, data in {settings.data_dir}")
        start = asyncio.ensure_future(supervisor.up(settings, typer.echo))
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({start, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not start.done():
            start.cancel()
            await asyncio.gather(start, return_exceptions=True)
            return
        running = start.result()
        for line in _channels(settings):
            typer.echo(line)
        typer.echo(f"  {'desk':15} for advisors: {_address(settings)}/desk")
        typer.echo("Ready. Ctrl-C stops everything.")
        await stopped
        typer.echo("Stopping …")
        await supervisor.down(settings, running)

    try:
        asyncio.run(run())
    except (SettingsError, supervisor.StartFailed) as error:
        _fail(str(error))


@app.command()
def chat(
    channel: Annotated[
        str, typer.Option(help="terminal, or sms to see segments and menu numbers.")
    ] = "terminal",
) -> None:
    """A conversation in the terminal, through the same parts as SMS; reads pipes too."""
    from connectors import chat as terminal
    from guichet import supervisor

    if channel not in ("terminal", "sms"):
        _fail(f"unknown channel '{channel}': terminal or sms")
    try:
        asyncio.run(terminal.run(_settings(), sms=channel == "sms"))
    except (SettingsError, supervisor.StartFailed) as error:
        _fail(str(error))


@app.command()
def evaluate(
    files: Annotated[list[Path], typer.Argument(help="JSON lines; see docs/design.md.")],
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    predictions: Annotated[
        Path | None, typer.Option(help="Write one JSON line a message here.")
    ] = None,
    floors: Annotated[
        Path | None, typer.Option(help="Exit 1 when a figure is under its floor in this file.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A trained model's folder, measured alone, without Rasa.")
    ] = None,
    confusions: Annotated[
        bool, typer.Option("--confusions", help="What is taken for what, with examples.")
    ] = False,
    pictures: Annotated[
        Path | None, typer.Option(help="Write a confusion picture a language into this folder.")
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Measure what others would use beside it. Long.")
    ] = False,
) -> None:
    """Run messages through Rasa and the knowledge base, as the bot would; report."""
    from guichet import supervisor
    from knowledge_base import evaluate as evaluation
    from knowledge_base.errors import ContentError
    from knowledge_base.model import ModelError

    try:
        cases = evaluation.read(files)
        if model is None:
            report, rows = asyncio.run(evaluation.run(_settings(), files, _progress))
        else:
            report, rows = evaluation.by_model(model, files)
        if predictions is not None:
            predictions.write_text(
                "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            )
        typer.echo(json.dumps(report, indent=1) if as_json else evaluation.table(report))
        if confusions:
            typer.echo(evaluation.confusions(cases, rows))
        if pictures is not None:
            evaluation.draw_confusions(cases, rows, pictures)
        if baselines:
            typer.echo(evaluation.beside_baselines(cases, report, pictures, _progress))
        faults = evaluation.under_floor(report, floors) if floors else []
    except (SettingsError, ContentError, ModelError, supervisor.StartFailed, OSError) as error:
        _fail(str(error))
    if faults:
        _fail("\n".join(faults))


@app.command()
def doctor() -> None:
    """What is wrong with this installation, and how to mend it."""
    from guichet import doctor as doctor_

    findings = asyncio.run(doctor_.examine())
    for finding in findings:
        typer.echo(finding.line())
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


@app.command()
def outbox(
    send_again: Annotated[
        bool, typer.Option("--send-again", help="Put every dead letter back into its queue.")
    ] = False,
) -> None:
    """What waits to be answered or sent, and the dead letters with their reasons."""
    from connectors import outbox as outbox_

    try:
        for line in asyncio.run(outbox_.run(_settings(), send_again)):
            typer.echo(line)
    except SettingsError as error:
        _fail(str(error))


@app.command("rotate-key")
def rotate_key() -> None:
    """Seal all that is kept under a new secret key; the old key opens nothing afterwards."""
    from connectors import rotation

    try:
        for line in asyncio.run(rotation.run(_settings(), _progress)):
            typer.echo(line)
    except SettingsError as error:
        _fail(str(error))


@advisors.command("add")
def advisors_add(
    name: str,
    role: Annotated[str, typer.Option(help="advisor, or supervisor.")] = "advisor",
) -> None:
    """An account; the password is asked, or read from standard input."""
    from desk import commands
    from desk.accounts import ROLES

    found = next((known for known in ROLES if known == role), None)
    if found is None:
        _fail(f"unknown role '{role}': {' or '.join(ROLES)}")
    password = _new_password()
    try:
        asyncio.run(commands.add(_settings(), name, password, found))
    except SettingsError as error:
        _fail(str(error))
    typer.echo(f"{name} may sign in at /desk")


@advisors.command("list")
def advisors_list() -> None:
    """Every account, its role, and how many sessions it has."""
    from desk import commands

    try:
        for line in asyncio.run(commands.listed(_settings())):
            typer.echo(line)
    except SettingsError as error:
        _fail(str(error))


@advisors.command("disable")
def advisors_disable(
    name: str,
    enable: Annotated[bool, typer.Option("--enable", help="Let in again.")] = False,
) -> None:
    """No more signing in; open sessions end."""
    from desk import commands

    try:
        asyncio.run(commands.disable(_settings(), name, not enable))
    except SettingsError as error:
        _fail(str(error))


@advisors.command("password")
def advisors_password(
    name: str,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Ask no one-time code any more: a lost telephone.")
    ] = False,
) -> None:
    """A new password; open sessions end."""
    from desk import commands

    password = _new_password()
    try:
        asyncio.run(commands.set_password(_settings(), name, password, no_code))
    except SettingsError as error:
        _fail(str(error))


def _new_password() -> str:
    """Never an argument: those stand in the list of processes."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


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
        _fail(f"unknown language {', '.join(unknown)}: one of {', '.join(load_languages())}")
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

    library, reviews = _content(load_library), _content(load_reviews)
    languages = list(load_languages().values())
    if markdown:
        typer.echo(status_.markdown(library, languages, reviews))
    else:
        typer.echo(status_.table(library, languages, reviews, date.today()))  # noqa: DTZ011
        texts = _content(lambda: load_texts(library.facts))
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
    count = _content(lambda: review.export(language, path))
    typer.echo(f"{count} text parts in {path}. Take it back with: guichet kb import {path}")


@kb.command("import")
def import_(
    file: Path,
    by: Annotated[str, typer.Option(help="Who read the texts marked checked.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show; write nothing.")] = False,
) -> None:
    """Take an edited review sheet back: show the difference, mark who checked what."""
    from datetime import date

    from knowledge_base import review

    today = date.today()  # noqa: DTZ011
    taken = _content(lambda: review.take(file, by, on=today, write=not dry_run))
    if taken.changes:
        typer.echo(taken.difference())
    for part in taken.skipped:
        typer.echo(f"skipped, the French has changed since the export: {part}", err=True)
    typer.echo(
        f"{len(taken.changes)} text parts changed, {len(taken.checked)} articles marked checked"
        + (" (nothing written: dry run)" if dry_run else "")
    )


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
        _fail(f"unknown language '{language}': one of {', '.join(load_languages())}")
    library = _content(load_library)
    texts = _content(lambda: load_texts(library.facts, languages={"fr", language}))
    if language not in texts.languages:
        _fail(f"bot/responses/{language}.yml is missing")
    path = out or Path(f"guichet-{language}.html")
    today = date.today()  # noqa: DTZ011
    count = _content(lambda: book_.write(library, texts, spoken, path, today))
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
        settings = _settings()
        training.run(data, out or settings.model_dir, _progress, _bar, settings.encoder)
    except (SettingsError, ContentError) as error:
        _fail(str(error))


@kb.command()
def tune() -> None:
    """Set the thresholds of knowledge_base/decision.yml on the evaluation messages."""
    from knowledge_base import training, tuning
    from knowledge_base.content import load_library
    from knowledge_base.examples import EVALUATION, load_cases
    from knowledge_base.languages import served
    from knowledge_base.model import ModelError, Understanding

    settings = _settings()
    try:
        understanding = Understanding.load(settings.model_dir)
    except ModelError as error:
        _fail(str(error))
    files = sorted(EVALUATION.glob("*.jsonl"))
    published = _content(load_library).articles
    everything = _content(lambda: [case for file in files for case in load_cases(file)])
    cases = [
        case
        for case in everything
        if case.language in served()
        and (case.kind != "article" or (case.language, case.label) in published)
    ]
    before = _content(training.load_thresholds)
    understanding.thresholds = before
    _progress(f"Knowledge base: thresholds for {len(cases)} messages …")
    found = tuning.tune(understanding, cases, _progress)
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
        decision = Understanding.load(_settings().model_dir).decide(text, language)
    except (SettingsError, ModelError) as error:
        _fail(str(error))
    if as_json:
        typer.echo(json.dumps(decision.to_dict(), ensure_ascii=False))
        return
    typer.echo(f"{decision.decision}: {decision.label or '-'}   language {decision.language}")
    for label, score in decision.ranking[:5]:
        typer.echo(f"  {score:6.1%}  {label}")


@bench.command("latency")
def bench_latency(
    messages: Annotated[int, typer.Option(help="Signed webhooks to send.")] = 300,
    turns: Annotated[int, typer.Option(help="Length of the one long conversation.")] = 500,
) -> None:
    """One message at a time: latency of the whole way, a late turn, memory."""
    from bench.latency import run

    asyncio.run(run(messages, turns))


@bench.command("load")
def bench_load(
    seconds: Annotated[float, typer.Option(help="Length of each part.")] = 15,
    rates: Annotated[str, typer.Option(help="Messages a second to try, by commas.")] = "10,50,100",
    turns: Annotated[int, typer.Option(help="Length of the one long conversation.")] = 5000,
    gateways: Annotated[int, typer.Option(help="Gateway processes.")] = 1,
    workers: Annotated[int, typer.Option(help="Workers.")] = 1,
    against: Annotated[str, typer.Option(help="rasa: stock Rasa on the same messages.")] = "",
    picture: Annotated[Path | None, typer.Option(help="Write a picture (SVG) here.")] = None,
) -> None:
    """Throughput and latency against load; a long conversation; stock Rasa beside it."""
    from bench import load

    async def run() -> None:
        await load.acknowledge(seconds, gateways)
        ours = await load.answers(int(200 * seconds), workers)
        latencies = await load.latency([float(rate) for rate in rates.split(",")], seconds)
        points = await load.long_conversation(turns) if turns else []
        if picture is not None:
            load.picture(latencies, points, picture)
        if against == "rasa":
            await load.against_rasa(int(6 * seconds), ours)

    asyncio.run(run())


@bench.command("overload")
def bench_overload(
    rate: Annotated[float, typer.Option(help="Messages a second.")] = 2000,
    seconds: Annotated[float, typer.Option(help="For so long.")] = 60,
) -> None:
    """Far more than can be answered: nothing may be lost, memory stays, the queue drains."""
    from bench.overload import run

    asyncio.run(run(rate, seconds))


@app.command(hidden=True)
def chaos(
    messages: Annotated[int, typer.Option(help="Messages to send.")] = 10_000,
    kills: Annotated[int, typer.Option(help="Processes to kill (SIGKILL), in turn.")] = 20,
    seed: Annotated[int, typer.Option(help="0: a new one, printed.")] = 0,
) -> None:
    """Kill every process in turn while messages come, and count what was lost."""
    import secrets

    from bench.chaos import run

    outcome = asyncio.run(run(messages, kills, seed or secrets.randbelow(10**6) + 1))
    if outcome.lost or outcome.out_of_order or outcome.doubled > len(outcome.kills):
        raise typer.Exit(1)


def _content(read: Callable[[], T]) -> T:
    """What `read` returns; ends with its lines when the content is broken."""
    from knowledge_base.errors import ContentError

    try:
        return read()
    except ContentError as error:
        _fail(str(error))


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        _fail(str(error))


def _address(settings: Settings) -> str:
    from guichet.settings import running

    return settings.public_url or (running(settings) or {}).get("gateway_url", "")


def _channels(settings: Settings) -> list[str]:
    public = settings.public_url or "https://<your address>"
    polling = settings.telegram_mode == "polling"
    rows = (
        ("sms", settings.sms_missing(), f"point Twilio at {public}/twilio/sms"),
        ("whatsapp", settings.whatsapp_missing(), f"point Twilio at {public}/twilio/whatsapp"),
        (
            "telegram",
            settings.telegram_missing(),
            "long polling" if polling else f"webhook {public}/telegram/webhook",
        ),
    )
    return [
        f"  {name:15} off: {', '.join(missing)} not set" if missing else f"  {name:15} on: {where}"
        for name, missing, where in rows
    ]


@contextmanager
def _bar(name: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error; one line when nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("  {task.description:34}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _progress(text: str) -> None:
    """A line of progress, on standard error so that pipes stay clean."""
    typer.echo(text, err=True)


if __name__ == "__main__":
    sys.exit(app())
