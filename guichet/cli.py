"""The `guichet` command. Each command loads only what it needs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from guichet.commands.advisors import advisors
from guichet.commands.bench import bench
from guichet.commands.kb import kb
from guichet.commands.observatory import observatory
from guichet.commands.shared import fail, progress, settings_or_end
from guichet.settings import Settings, SettingsError

app = typer.Typer(
    help="Guichet: answers about ANEF by text message.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(kb, name="kb")
app.add_typer(bench, name="bench")
app.add_typer(advisors, name="advisors")
app.command()(observatory)


@app.command()
def up() -> None:
    """Run every process of this machine; Ctrl-C or SIGTERM stops them all."""
    from guichet import __version__, supervisor

    settings = settings_or_end()

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
        fail(str(error))


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
        fail(f"unknown channel '{channel}': terminal or sms")
    try:
        asyncio.run(terminal.run(settings_or_end(), sms=channel == "sms"))
    except (SettingsError, supervisor.StartFailed) as error:
        fail(str(error))


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
    diet_epochs: Annotated[
        int, typer.Option(help="Epochs of Rasa's DIET among the baselines; an epoch takes minutes.")
    ] = 100,
) -> None:
    """Run messages through Rasa and the knowledge base, as the bot would; report."""
    from guichet import supervisor
    from knowledge_base import evaluate as evaluation
    from knowledge_base.errors import ContentError
    from knowledge_base.model import ModelError

    try:
        cases = evaluation.read(files)
        if model is None:
            report, rows = asyncio.run(evaluation.run(settings_or_end(), files, progress))
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
            typer.echo(evaluation.beside_baselines(cases, report, pictures, progress, diet_epochs))
        faults = evaluation.under_floor(report, floors) if floors else []
    except (SettingsError, ContentError, ModelError, supervisor.StartFailed, OSError) as error:
        fail(str(error))
    if faults:
        fail("\n".join(faults))


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
        for line in asyncio.run(outbox_.run(settings_or_end(), send_again)):
            typer.echo(line)
    except SettingsError as error:
        fail(str(error))


@app.command("rotate-key")
def rotate_key() -> None:
    """Seal all that is kept under a new secret key; the old key opens nothing afterwards."""
    from connectors import rotation

    try:
        for line in asyncio.run(rotation.run(settings_or_end(), progress)):
            typer.echo(line)
    except SettingsError as error:
        fail(str(error))


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


if __name__ == "__main__":
    sys.exit(app())
