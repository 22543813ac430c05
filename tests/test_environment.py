"""What is installed, and from what."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import distributions

import pytest

from guichet.settings import ROOT


def test_no_gpu_packages_are_installed() -> None:
    names = {distribution.metadata["Name"].lower() for distribution in distributions()}
    assert "torch" in names
    assert not {name for name in names if name.startswith(("nvidia", "cuda", "triton"))}


@pytest.mark.parametrize("file", ["requirements.txt", "bot/requirements.txt"])
def test_lock_files_hold_names_and_versions_only(file: str) -> None:
    for line in (ROOT / file).read_text().splitlines():
        assert re.fullmatch(r"[\w.\-]+(\[[\w,\-]+\])?==[\w.]+( ; .+)?", line), line


def test_rasa_is_the_pinned_one_on_python_3_10() -> None:
    code = "import sys, importlib.metadata as m; print(sys.version_info[:2], m.version('rasa'))"
    python = ROOT / "bot" / ".venv" / "bin" / "python"
    shown = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "(3, 10) 3.6.21"
