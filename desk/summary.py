"""A case summed up for the person's lawyer, to download as a PDF or as text.

Notes between colleagues and labels stay at the desk.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from babel.dates import format_date
from starlette.responses import PlainTextResponse, Response

from connectors.case_details import Field
from connectors.cases import Case
from connectors.transcript import KEPT, Entry
from desk import summary_pdf
from desk.case_file import Detail, details
from desk.guard import Handler, Visit
from desk.opened import case_of
from desk.pages import names, view_of
from desk.texts import words
from desk.view import channel_name, tag
from guichet.clock import now
from knowledge_base.content import write_date
from knowledge_base.departments import departments
from knowledge_base.phrasebook import blanks

#: Marks that join letters, which Persian and Bengali need; other invisible ones may hide text.
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class Said:
    """One message."""

    head: str  #: when and who
    text: str


@dataclass(frozen=True)
class Summary:
    """Ready to be written, in the advisor's language; texts have lines, nothing hidden."""

    title: str
    about: str
    facts: tuple[tuple[str, str], ...]  #: a label and its value
    answered_title: str
    answered: tuple[str, ...]
    transcript_title: str
    transcript: tuple[Said, ...]
    unreadable: str  #: in place of letters that the PDF cannot show
    footer: str


def as_text(summary: Summary) -> str:
    """Messages are set in: no line of theirs can be taken for one of ours."""
    lines = [summary.title, "=" * len(summary.title), summary.about, ""]
    lines += [f"{label} : {_set_in(value).strip()}" for label, value in summary.facts]
    lines += ["", summary.answered_title, "-" * len(summary.answered_title)]
    lines += [f"- {title}" for title in summary.answered]
    lines += ["", summary.transcript_title, "-" * len(summary.transcript_title)]
    for said in summary.transcript:
        lines += [said.head, _set_in(said.text), ""]
    return "\n".join([*lines, summary.footer, ""])


async def as_pdf_file(visit: Visit) -> Response:
    summary = await _summary(visit, "pdf")
    if summary is None:
        return PlainTextResponse("no such conversation", 404)
    content = await asyncio.to_thread(summary_pdf.make, summary, visit.advisor.language)
    return Response(content, media_type="application/pdf", headers=_download(visit, "pdf"))


async def as_text_file(visit: Visit) -> Response:
    summary = await _summary(visit, "txt")
    if summary is None:
        return PlainTextResponse("no such conversation", 404)
    return PlainTextResponse(as_text(summary), headers=_download(visit, "txt"))


def _download(visit: Visit, ending: str) -> dict[str, str]:
    name = f"guichet-{tag(visit.conversation)}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def _summary(visit: Visit, form: str) -> Summary | None:
    """None without a case. The access goes into the log."""
    case = await case_of(visit)
    if case is None:
        return None
    services, view, t = visit.services, await view_of(visit), _words(visit)
    person = await services.threads.person(visit.conversation)
    entries = await services.threads.lines(visit.conversation, "", KEPT)
    fields = await details(services, case, person)
    known = await names(services)
    channel = channel_name(person.channel if person is not None else "")
    language = view.language(person.language if person is not None else None)
    await services.audit.add("summary", visit.advisor.id, visit.conversation, form)
    return Summary(
        t["summary_title"],
        t["summary_about"].format(
            tag(visit.conversation), channel, language, view.moment(now().timestamp() * 1000),
            visit.advisor.name,
        ),
        tuple(_facts(visit, case, fields, view.moment(case.since)))
        + tuple(await _blocked(visit)),
        t["summary_answered"],
        tuple(_answered(visit, entries)) or (t["nothing"],),
        t["transcript"],
        tuple(
            Said(_head(visit, entry, known, view.moment(entry.at_s * 1000)), _body(visit, entry))
            for entry in entries
            if entry.line.who != "system"
        ),
        t["summary_unreadable"],
        t["summary_footer"],
    )  # fmt: skip


def _facts(
    visit: Visit, case: Case, fields: dict[Field, Detail], since: str
) -> list[tuple[str, str]]:
    t, reader = _words(visit), visit.advisor.language

    def marked(field: Field, shown: str) -> tuple[str, str]:
        told = f" ({t['told']})" if fields[field].told else ""
        return t[f"detail_{field}"], f"{shown}{told}" if shown else t["summary_unknown"]

    department = departments().get(fields["department"].value)
    subject, end = fields["subject"].value, fields["end"].value
    found = [
        marked("department", f"{department.code} {department.name}" if department else ""),
        marked("subject", visit.services.articles.title(subject, reader) if subject else ""),
        marked("end", write_date(date.fromisoformat(end), reader) if end else ""),
        (t["question"], case.packet.question if case.packet is not None else ""),
        (t["why"], t.get(f"why_{case.why}", case.why)),
        (t["summary_since"], since),
        marked("step", fields["step"].value),
    ]
    return [(label, clear(value) or t["summary_unknown"]) for label, value in found]


async def _blocked(visit: Visit) -> list[tuple[str, str]]:
    """The person's own log of what did not work."""
    lines = await visit.services.notebook.log(visit.conversation)
    reader, zone = visit.advisor.language, visit.services.zone
    return [
        (
            _words(visit)["summary_blocked"].format(
                format_date(datetime.fromtimestamp(line.at, zone), "medium", locale=reader)
            ),
            clear(line.text) or _words(visit)["nothing"],
        )
        for line in lines
    ]


def _answered(visit: Visit, entries: Sequence[Entry]) -> list[str]:
    """Titles of the articles that the assistant or an advisor sent, each once."""
    articles = visit.services.articles
    ids = dict.fromkeys(id for entry in entries for id in entry.line.answered if id in articles.ids)
    return [articles.title(id, visit.advisor.language) for id in ids]


def _head(visit: Visit, entry: Entry, known: dict[str, str], when: str) -> str:
    t, line = _words(visit), entry.line
    who = {"person": t["person"], "bot": t["bot"]}.get(line.who) or known.get(line.advisor, "?")
    return f"{when} · {who}"


def _body(visit: Visit, entry: Entry) -> str:
    t, line, book = _words(visit), entry.line, visit.services.counter.phrasebook
    parts = [clear(line.text)]
    if line.kind == "phrase" and line.answered and line.language != visit.advisor.language:
        sentence = blanks(
            book.by_language[book.language(visit.advisor.language)].get(line.answered[0], "")
        )
        parts.append(t["phrase_sent"].format(sentence))
    parts += [t["photo"] if ":image/" in name else t["kind_media"] for name in line.media]
    return "\n".join(filter(None, parts)) or t.get(f"kind_{line.kind}", line.kind)


def clear(text: str) -> str:
    """Lines of visible characters: no control, no mark that turns the order of letters."""
    lines = (
        "".join(
            char
            for char in unicodedata.normalize("NFC", line).replace("\t", " ")
            if char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")
        )
        for line in text.splitlines()
    )
    return "\n".join(line.rstrip() for line in lines).strip()


def _set_in(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _words(visit: Visit) -> Mapping[str, str]:
    return words(visit.advisor.language)


PARTS: dict[str, Handler] = {"summary.pdf": as_pdf_file, "summary.txt": as_text_file}
