"""A pack as people read it: ready strings from frozen content, never from live rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpis.dates import day, short_day
from kpis.domain.bullet import Bullet, bullet
from kpis.domain.figures import delta_unit, number, signed, with_unit
from reviews import words
from reviews.domain.agenda import Section, Standing

BANDS = ("on_track", "at_risk", "off_track", "")
KPI_SECTIONS = {Section.OFF_TRACK, Section.WORSE, Section.UNANSWERED, Section.STALE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads: the locale of the numbers, and which KPIs and initiatives the links may lead to, by their codes."""

    locale: str
    may_open: frozenset[str] = frozenset()
    may_open_work: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One KPI that was on the table."""

    code: str
    name: str
    url: str
    purpose: str
    owner: str
    band: str
    state: str
    then_band: str | None
    moved: str
    value: str
    unit: str
    goal: str
    gap: str
    change: str
    before: str
    before_grade: str
    score: str
    bullet: Bullet
    spark: Mapping[str, str]
    period: str
    grade: str
    since: str
    signal: str
    initiatives: list[dict[str, Any]]
    explanation: Mapping[str, str] | None
    recovery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One item of the agenda: a KPI with its line, or a decision or an action with what it is about."""

    number: int
    key: str
    kind: str
    title: str
    reasons: list[str]
    line: Line | None = None
    detail: str = ""
    owner: str = ""
    due: str = ""
    about: str = ""
    about_url: str = ""
    asked_on: str = ""


@dataclass(slots=True, kw_only=True)
class Chapter:
    """One section of the agenda."""

    title: str
    topics: list[Topic] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ObjectiveShown:
    """One objective with the KPIs below it."""

    name: str
    perspective: str
    band: str
    score: str
    owner: str
    terms: str
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything that was on the table."""

    lede: str
    since: str
    counts: list[dict[str, Any]]
    chapters: list[Chapter]
    topics: list[Topic]
    objectives: list[ObjectiveShown]
    better: list[Line]
    restated: list[dict[str, str]]
    people: list[dict[str, Any]]


def table_shown(content: Mapping[str, Any], reader: Reader) -> Table:
    """Return the content of a pack for one reader."""
    lines = {row["code"]: _line(row, reader) for row in content["kpis"]}
    since = short_day(date.fromisoformat(content["since"])) if content["since"] else ""
    topics = [_topic(index, item, content, lines, reader, since) for index, item in enumerate(content["agenda"], 1)]
    on_agenda = {item["key"] for item in content["agenda"]}
    chapters: list[Chapter] = []
    for topic, item in zip(topics, content["agenda"], strict=True):
        title = words.section_title(item["section"])
        if not chapters or chapters[-1].title != title:
            chapters.append(Chapter(title=title))
        chapters[-1].topics.append(topic)
    return Table(
        lede=_lede(content, since),
        since=since,
        counts=_counts(content),
        chapters=chapters,
        topics=topics,
        objectives=_objectives(content, lines, reader),
        better=[line for code, line in lines.items() if line.moved == "better" and code not in on_agenda],
        restated=[_restated(row, content, reader) for row in content["restated"]],
        people=content["people"],
    )


def _initiative_url(code: str, reader: Reader) -> str:
    """Return the address of an initiative; "" for who may not open it, or where it is gone since."""
    return reverse("initiatives:initiative", args=[code]) if code in reader.may_open_work else ""


def _line(row: Mapping[str, Any], reader: Reader) -> Line:
    value, previous, goal = _decimal(row["value"]), _decimal(row["previous_value"]), _decimal(row["goal"])
    score, then = _decimal(row["score"]), row["then"]
    was = _decimal(then["score"]) if then else None
    standing = Standing(key=row["code"], band=row["band"], then_band=then["band"] if then else None)
    change = value - previous if value is not None and previous is not None else None
    gap = _gap(value, goal, _decimal(row["goal_high"]))
    figure = {"decimals": row["decimals"], "locale": reader.locale}
    difference = delta_unit(row["unit"])
    return Line(
        code=row["code"],
        name=row["name"],
        url=reverse("kpi", args=[row["code"]]) if row["code"] in reader.may_open else "",
        purpose=row["purpose"],
        owner=row["owner"],
        band=row["band"],
        state="stale" if row["health"] in {"stale", "source_error"} and row["band"] else "",
        then_band=then["band"] if then else None,
        moved="worse" if standing.is_worse else "better" if standing.is_better else "",
        value=number(value, **figure),
        unit=row["unit"],
        goal=_goal(row, reader),
        gap=with_unit(signed(gap, **figure), difference) if gap is not None else "",
        change=with_unit(signed(change, **figure), difference) if change is not None else "",
        before=with_unit(number(_decimal(then["value"]), **figure), row["unit"]) if then and then["value"] else "",
        before_grade=then.get("confidence", "") if then else "",
        score=number(score, 1, locale=reader.locale),
        bullet=bullet(score, was),
        spark=row["spark"],
        period=row["period"],
        grade=row.get("confidence", ""),  # packs that were frozen earlier have none
        since=row["band_since_period"] if row["band_since"] != row["period_start"] else "",
        signal={"signal": _("signal"), "routine": _("routine")}.get(row["signal"], ""),
        initiatives=[one | {"url": _initiative_url(one["code"], reader)} for one in row["initiatives"]],
        explanation=row["explanation"],
        recovery=day(date.fromisoformat(row["explanation"]["recovery_on"])) if row["explanation"] else "",
    )


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _gap(value: Decimal | None, goal: Decimal | None, high: Decimal | None) -> Decimal | None:
    """How far the value lies from the goal; in a range from its nearer end, 0 inside."""
    if value is None or goal is None:
        return None
    if high is None:
        return value - goal
    return Decimal(0) if goal <= value <= high else value - (goal if value < goal else high)


def _goal(row: Mapping[str, Any], reader: Reader) -> str:
    ends = [_decimal(row[name]) for name in ("goal", "goal_high") if row[name]]
    return "–".join(number(end, row["decimals"], locale=reader.locale) for end in ends)


def _topic(
    index: int,
    item: Mapping[str, Any],
    content: Mapping[str, Any],
    lines: Mapping[str, Line],
    reader: Reader,
    since: str,
) -> Topic:
    reasons = [words.reason(code, since) for code in item["reasons"]]
    if Section(item["section"]) in KPI_SECTIONS:
        line = lines[item["key"]]
        return Topic(
            number=index, key=line.code, kind="kpi", title=line.name, reasons=reasons, line=line, owner=line.owner
        )
    kind = "decision" if item["section"] == Section.DECISIONS else "action"
    row = next(row for row in content[f"{kind}s"] if str(row["id"]) == item["key"])
    about, url = _about(row, reader)
    return Topic(
        number=index,
        key=item["key"],
        kind=kind,
        title=row["title"] if kind == "decision" else row["text"],
        reasons=reasons,
        detail=row.get("detail", ""),
        owner=row["owner"],
        due=words.dated(date.fromisoformat(row["due_on"])),
        about=about,
        about_url=url,
        asked_on=day(date.fromisoformat(row["asked_on"])) if "asked_on" in row else "",
    )


def _about(row: Mapping[str, Any], reader: Reader) -> tuple[str, str]:
    """Return the name and the address of what a decision or an action is about."""
    if "kpi" in row:
        kpi = row["kpi"]
        return kpi["name"], reverse("kpi", args=[kpi["code"]]) if kpi["code"] in reader.may_open else ""
    if "initiative" in row:
        return row["initiative"]["name"], _initiative_url(row["initiative"]["code"], reader)
    return (row["objective"]["name"], "") if "objective" in row else ("", "")


def _objectives(content: Mapping[str, Any], lines: Mapping[str, Line], reader: Reader) -> list[ObjectiveShown]:
    found: dict[str, ObjectiveShown] = {}
    for row in content["objectives"]:
        found[row["code"]] = ObjectiveShown(
            name=row["name"],
            perspective=row["perspective"],
            band=row["band"],
            score=number(_decimal(row["score"]), 1, locale=reader.locale) if row["score"] else "",
            owner=row["owner"],
            terms=_("%(with)d of %(total)d with data") % {"with": row["with_data"], "total": row["total"]},
        )
    for row in content["kpis"]:
        found[row["objective"]].lines.append(lines[row["code"]])
    return list(found.values())


def _counts(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    counts = []
    for band in BANDS:
        total = sum(row["band"] == band for row in content["kpis"])
        then = sum(bool(row["then"]) and row["then"]["band"] == band for row in content["kpis"])
        counts.append({"band": band, "total": total, "then": _("%(n)d then") % {"n": then} if content["since"] else ""})
    return counts


def _lede(content: Mapping[str, Any], since: str) -> str:
    kpis = [row for row in content["kpis"] if row["band"]]
    good = sum(row["band"] == "on_track" for row in kpis)
    sentences = [_("%(good)d of %(all)d judged KPIs are on track.") % {"good": good, "all": len(kpis)}]
    if since:
        standings = [
            Standing(key="", band=row["band"], then_band=row["then"]["band"] if row["then"] else None) for row in kpis
        ]
        better, worse = sum(one.is_better for one in standings), sum(one.is_worse for one in standings)
        facts = {"day": since, "better": better, "worse": worse}
        sentences.append(_("Since the review of %(day)s %(better)d improved and %(worse)d worsened.") % facts)
    count = len(content["agenda"])
    sentences.append(ngettext("%(n)d item to talk about.", "%(n)d items to talk about.", count) % {"n": count})
    return " ".join(sentences)


def _restated(row: Mapping[str, Any], content: Mapping[str, Any], reader: Reader) -> dict[str, str]:
    decimals = next(kpi["decimals"] for kpi in content["kpis"] if kpi["code"] == row["code"])
    was, now = (number(_decimal(row[name]), decimals, locale=reader.locale) for name in ("was", "now"))
    return {
        "name": row["name"],
        "period": row["period"],
        "was": was,
        "was_grade": row.get("was_confidence", ""),
        "now": now,
        "now_grade": row.get("now_confidence", ""),
        "by": row["by"],
        "note": row["note"],
    }


def minutes_shown(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return frozen minutes with their days in words."""

    def with_days(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**row, "due": words.dated(date.fromisoformat(row["due_on"])), "asked_on": row.get("asked_on", "")}
            for row in rows
        ]

    return {
        **content,
        "agenda": [
            {**row, "reasons": [words.reason(code, _("the last review")) for code in row["reasons"]]}
            for row in content["agenda"]
        ],
        "decisions": with_days(content["decisions"]),
        "actions": with_days(content["actions"]),
        "carried": with_days(content["carried"]),
    }
