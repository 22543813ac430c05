"""Who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from guichet.settings import ROOT

ROOMS = {"bench", "bot", "connectors", "desk", "guichet", "knowledge_base", "nlu", "tests"}
ALLOWED = {
    "guichet": {"guichet"},
    "knowledge_base": {"knowledge_base", "guichet"},
    "connectors": {"connectors", "knowledge_base", "guichet"},
    "desk": {"desk", "connectors", "knowledge_base", "guichet"},
    "nlu": {"nlu"},
    "bot": {"bot", "nlu"},
}


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_imports_stay_within_the_walls(room: str) -> None:
    files = [path for path in (ROOT / room).rglob("*.py") if ".venv" not in path.parts]
    assert files
    for path in files:
        for module in _imports(path, top_only=room == "guichet"):
            top = module.split(".")[0]
            if top in ROOMS:
                assert top in ALLOWED[room], f"{path.relative_to(ROOT)} imports {module}"


def _imports(path: Path, top_only: bool) -> set[str]:
    """Imported modules. The frame may load others inside a function: a command's needs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found
