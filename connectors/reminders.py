"""Reminders that are due, put into the outbox."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.channels import Limits
from connectors.notebook import Notebook, Reminder
from connectors.records import Outbound
from connectors.renderer import Renderer
from connectors.skills import reminder_values


class Reminders:
    """Says them in the person's language, within the limits of their channel."""

    def __init__(
        self, notebook: Notebook, renderer: Renderer, limits: Mapping[str, Limits]
    ) -> None:
        self._notebook = notebook
        self._renderer = renderer
        self._limits = limits

    async def put_out(self, partition: int) -> int:
        """Those due in a partition; how many. A channel that is off keeps its own waiting."""
        count = 0
        for conversation, id, reminder in await self._notebook.due(partition):
            limits = self._limits.get(reminder.channel)
            if limits is not None:
                message = self._say(reminder, limits)
                count += await self._notebook.put_out(conversation, id, message)
        return count

    def _say(self, reminder: Reminder, limits: Limits) -> Outbound:
        text = self._renderer.response(
            reminder.name, reminder.language, limits, reminder_values(reminder)
        )
        return Outbound(reminder.channel, reminder.address, text)
