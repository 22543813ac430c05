"""Schemathesis against the running gateway and knowledge base: nothing is a 500."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from bench.telegram_stand_in import SECRET
from tests.conftest import System


@pytest.mark.parametrize(("part", "operations"), [("gateway_url", 7), ("kb_url", 2)])
async def test_schemathesis_finds_no_500(system: System, part: str, operations: int) -> None:
    url = f"{system.addresses[part]}/openapi.json"
    assert await asyncio.to_thread(_look_for_a_500, url) == operations
    await system.quiet()


def _look_for_a_500(url: str) -> int:
    """The operations tried."""
    tried = 0
    for found in schemathesis.openapi.from_url(url).get_all_operations():
        assert isinstance(found, Ok)
        tried += 1

        @given(case=found.ok().as_strategy())
        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        def no_500(case: Any) -> None:
            case.headers = {**(case.headers or {}), "X-Telegram-Bot-Api-Secret-Token": SECRET}
            case.call_and_validate(checks=[not_a_server_error])

        no_500()
    return tried
