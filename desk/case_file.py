"""What is noted of a case: shown beside the conversation, changed field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import Response

from connectors.case_details import FIELDS, Field, clean
from connectors.cases import Case
from connectors.threads import Person
from desk.counter import Gone
from desk.guard import Handler, Visit
from desk.opened import done
from desk.services import Services
from guichet.clock import today
from knowledge_base.departments import departments


@dataclass(frozen=True)
class Detail:
    """One field as the page shows it."""

    value: str
    told: bool = False  #: not an advisor's: from what the person told the assistant

    def __bool__(self) -> bool:
        return bool(self.value)


async def details(services: Services, case: Case, person: Person | None) -> dict[Field, Detail]:
    """Every field. What no advisor has written comes from what the person told the assistant."""
    kept = await services.details.read(case.conversation)
    told = await _told(services, case, person)
    return {
        field: Detail(kept[field]) if field in kept else Detail(told.get(field, ""), True)
        for field in FIELDS
    }


async def _told(services: Services, case: Case, person: Person | None) -> dict[Field, str]:
    found: dict[Field, str] = {}
    proposal = case.packet.proposal if case.packet is not None else ()
    if proposal:
        found["subject"] = proposal[0][0]
    if person is not None:
        found["department"] = person.state.department
        found["subject"] = found.get("subject") or person.state.article or ""
    reminders = await services.notebook.reminders(case.conversation)
    if reminders:
        found["end"] = reminders[0].end
    return found


async def shown(visit: Visit, case: Case, person: Person | None) -> dict[str, object]:
    """For the template: fields, and what may be chosen."""
    services, reader = visit.services, visit.advisor.language
    found = await details(services, case, person)
    follow_up = found["follow_up"].value
    passed = bool(follow_up) and follow_up <= today().isoformat()
    return {
        "fields": found,
        "follow_up": "" if passed else follow_up,
        "first_day": (today() + timedelta(days=1)).isoformat(),
        "last_day": await services.details.keeps_until(case.conversation, services.zone),
        "departments": departments().values(),
        "subjects": services.articles.titles(reader),
    }


async def save(visit: Visit) -> Response:
    return await done(visit, _save(visit, visit.form))


async def _save(visit: Visit, form: Mapping[str, str]) -> None:
    """Only what differs from what the page had: the rest may be a colleague's by now.

    Raises Gone, WrongDetail.
    """
    services, conversation = visit.services, visit.conversation
    if (await services.cases.find(conversation)).status == "none":
        raise Gone
    last_day = await services.details.keeps_until(conversation, services.zone)
    changed = {
        field: clean(field, form[field], services.articles.ids, last_day)
        for field in FIELDS
        if field in form and form[field].split() != form.get(f"was_{field}", "").split()
    }
    if changed:
        if not await services.details.write(conversation, changed, services.zone):
            raise Gone
        await services.audit.add("details", visit.advisor.id, conversation, " ".join(changed))


STEPS: dict[str, Handler] = {"details": save}
