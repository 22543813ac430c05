"""`guichet bench`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

bench = typer.Typer(help="Measure this installation.", no_args_is_help=True)


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


@bench.command("search")
def bench_search() -> None:
    """Search time against the number of questions: 20,000 and a million, synthetic."""
    from bench.search import run

    run()


@bench.command("desk")
def bench_desk() -> None:
    """The desk: message to screen, reply to provider, many advisors, claims, a long queue."""
    from bench.desk import run

    asyncio.run(run())
