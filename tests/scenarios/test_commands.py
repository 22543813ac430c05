"""The commands as a person types them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from guichet.settings import ROOT
from tests.conftest import MODEL, System


async def guichet(*arguments: str, stdin: str = "", **variables: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guichet.cli", *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "GUICHET_KB_MODEL": str(MODEL), **variables},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 120)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def running(system: System) -> dict[str, str]:
    return {"GUICHET_DATA_DIR": str(system.settings.data_dir)}


async def test_chat_reads_lines_from_a_pipe_and_gives_plain_lines_back(system: System) -> None:
    lines = "combien coute le timbre\nHUMAIN\n"
    status, out, _ = await guichet("chat", stdin=lines, **running(system))
    assert status == 0
    assert "> combien coute le timbre" in out
    assert "350 €" in out
    assert "30 39" in out
    assert "\x1b[" not in out


async def test_chat_shows_sms_segments(system: System) -> None:
    status, out, _ = await guichet("chat", "--channel", "sms", stdin="menu\n1\n", **running(system))
    assert status == 0
    assert " SMS, " in out
    assert "GSM-7]" in out


async def test_a_second_guichet_on_the_same_data_is_refused(system: System) -> None:
    status, _, err = await guichet("up", **running(system))
    assert status == 1
    assert "already runs" in err


async def test_up_says_which_channels_are_on(system: System) -> None:
    text = system.output.read_text()
    for name in ("sms", "whatsapp", "telegram"):
        assert f"  {name:15} on" in text


async def test_search_as_text_and_json() -> None:
    status, out, _ = await guichet("kb", "search", "combien coute le timbre")
    assert status == 0
    assert out.startswith("answer: fees")
    _, out, _ = await guichet("kb", "search", "combien coute le timbre", "--json")
    assert json.loads(out)["label"] == "fees"


async def test_doctor_names_what_is_off_and_how_to_mend_it(system: System) -> None:
    status, out, _ = await guichet("doctor", **running(system))
    assert status == 0, out
    assert "ok     Rasa answers" in out
    assert "off    SMS" in out
    assert "GUICHET_TWILIO_AUTH_TOKEN" in out


async def test_doctor_says_what_is_wrong(tmp_path: Path) -> None:
    status, out, _ = await guichet(
        "doctor", GUICHET_DATA_DIR=str(tmp_path), GUICHET_KB_MODEL=str(tmp_path / "none")
    )
    assert status == 1
    assert "WRONG  knowledge base model" in out
    assert "-> guichet kb train" in out


async def test_a_wrong_setting_is_one_clear_line() -> None:
    status, _, err = await guichet("up", GUICHET_PORT="many")
    assert status == 1
    assert "GUICHET_PORT" in err
    assert "Traceback" not in err


async def test_check_passes_on_what_is_published() -> None:
    status, out, err = await guichet("kb", "check")
    assert status == 0, out + err


async def test_evaluate_reports_and_holds_floors(system: System, tmp_path: Path) -> None:
    rows = [
        {"id": "1", "lang": "fr", "kind": "article", "label": "fees", "text": "prix du timbre"},
        {"id": "2", "lang": "fr", "kind": "act", "label": "greet", "text": "bonjour"},
        {"id": "3", "lang": "fr", "kind": "out_of_scope", "label": None, "text": "recette du mafé"},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    predictions = tmp_path / "predictions.jsonl"
    status, out, _ = await guichet(
        "evaluate", str(file), "--json", "--predictions", str(predictions), **running(system)
    )
    assert status == 0
    assert json.loads(out)["fr"]["top1"] == 1.0
    written = [json.loads(line) for line in predictions.read_text().splitlines()]
    assert [row["id"] for row in written] == ["1", "2", "3"]
    assert {"language", "decision", "label", "ranking"} <= set(written[0])
    floors = tmp_path / "floors.json"
    floors.write_text('{"en": {"top1": 0.5}}')
    status, _, err = await guichet(
        "evaluate", str(file), "--floors", str(floors), **running(system)
    )
    assert status == 1
    assert "en: first nothing measured" in err


async def test_a_broken_evaluation_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"id": "1", "lang": "fr", "kind": "act", "text": "a"}\n{"id"\n')
    status, _, err = await guichet("evaluate", str(file))
    assert status == 1
    assert f"{file}:2:" in err
    assert "Traceback" not in err


async def test_the_observatory_as_a_file(system: System, tmp_path: Path) -> None:
    path = tmp_path / "blockages.csv"
    arguments = ("observatory", "--csv", str(path), "--language", "en")
    status, out, _ = await guichet(*arguments, **running(system))
    assert (status, out) == (0, f"written to {path}\n")
    assert "fewer than 5 people" in path.read_text(encoding="utf-8-sig")
    status, _, err = await guichet(*arguments, "--year", "7", **running(system))
    assert (status, "no year" in err) == (1, True)
    status, _, err = await guichet(*arguments, GUICHET_DATA_DIR=str(tmp_path))
    assert (status, "not running" in err) == (1, True)
