"""The mail about a change of band: what, by how much, since when, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from alerts.mails import words
from alerts.mails.layout import Mail, Picture, Reader, lay_out, wrapped
from alerts.trend import DARK, LIGHT, Point, trend_png
from kpis.dates import short_day
from kpis.domain.figures import POINTS, delta_unit, number, signed, with_unit

SHOWN = 6


def write_band_mail(
    facts: dict[str, Any], *, kind: str, was: str, grade: str, reader: Reader, url: str, key: str
) -> Mail:
    """Write the mail that says how the band of a KPI changed from `was`, which the reader was told last.

    `grade` is that of the value, "" for none. `key` makes the content ids of the pictures unlike those of any other
    mail.
    """
    page = _Page(facts=facts, kind=kind, was=was, reader=reader)
    pictures = tuple(
        Picture(cid=f"trend-{name}.{key}", png=trend_png([_point(row) for row in facts["periods"]], inks))
        for name, inks in (("light", LIGHT), ("dark", DARK))
    )
    confidence = _("data confidence %(grade)s") % {"grade": grade} if grade else ""
    context = page.context() | {"confidence": confidence, "url": url, "light": pictures[0].cid, "dark": pictures[1].cid}
    return lay_out("alerts/mail/band", subject=page.subject, context=context, pictures=pictures)


def band_subject(facts: dict[str, Any], *, kind: str, was: str, reader: Reader) -> str:
    """Return the subject of that mail alone."""
    return _Page(facts=facts, kind=kind, was=was, reader=reader).subject


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    facts: dict[str, Any]
    kind: str
    was: str
    reader: Reader

    @property
    def kpi(self) -> dict[str, Any]:
        return self.facts["kpi"]

    @property
    def now(self) -> dict[str, Any]:
        return self.facts["periods"][-1]

    @property
    def band(self) -> str:
        return self.facts["band"]

    @property
    def is_owner(self) -> bool:
        return self.facts["follows"]["kind"] == "owner"

    @property
    def is_trouble(self) -> bool:
        return self.band != "on_track"

    # --- figures ----------------------------------------------------------------------------

    def number(self, text: str | None) -> str:
        return number(_decimal(text), self.kpi["decimals"], locale=self.reader.locale)

    def figure(self, text: str | None) -> str:
        return with_unit(self.number(text), self.kpi["unit"])

    def signed(self, text: str | None) -> str:
        return signed(_decimal(text), self.kpi["decimals"], locale=self.reader.locale)

    def distance(self, text: str) -> str:
        """A difference in running text: “−3.3 points”, “+2.0 min”."""
        unit = delta_unit(self.kpi["unit"])
        return with_unit(self.signed(text), _("points") if unit == POINTS else unit)

    @property
    def goal(self) -> str:
        """The goal, or the goal range, with its unit; "" where there is none."""
        if self.now["goal"] is None:
            return ""
        return with_unit(self._range(self.now["goal"], self.now["goal_high"]), self.kpi["unit"])

    def _range(self, low: str, high: str | None) -> str:
        return self.number(low) if high is None else f"{self.number(low)}–{self.number(high)}"

    # --- sentences --------------------------------------------------------------------------

    @property
    def subject(self) -> str:
        texts = {
            "worse": _("%(name)s %(band)s"),
            "correction": _("Correction: %(name)s %(band)s, not %(was)s"),
            "better": _("%(name)s no longer %(was)s") if self.is_trouble else _("%(name)s back on track"),
        }
        named = {"name": self.kpi["name"], "band": words.band_name(self.band), "was": words.band_name(self.was)}
        against = _(" vs %s") % self.goal if self.goal else ""
        return f"{texts[self.kind] % named}: {self.figure(self.now['value'])}{against} ({self.now['label']})"

    def headline(self, shape: str = "") -> str:
        """What became of the band before: “was ▲ at risk”, “corrected, we said ■ off track”."""
        text = _("corrected, we said %s") if self.kind == "correction" else _("was %s")
        return text % f"{shape} {words.band_name(self.was)}".strip()

    @property
    def limits(self) -> str:
        now = self.now
        if now["goal"] is None:
            return ""
        flags = self.number(now["red_flag"])
        if now["red_high"] is not None:
            flags = _("%(low)s and %(high)s") % {"low": flags, "high": self.number(now["red_high"])}
        figures = {
            "goal": self._range(now["goal"], now["goal_high"]),
            "flags": flags,
            "distance": self.distance(now["to_goal"]),
        }
        return _("goal %(goal)s, red flag %(flags)s, %(distance)s to goal") % figures

    @property
    def ratio(self) -> str:
        """What the figure is made of: “1,669 of 2,120 arrivals arrived on time.”"""
        if self.facts["numerator"] is None:
            return ""
        top, bottom = (
            number(_decimal(self.facts[part]), _places(self.facts[part]), locale=self.reader.locale)
            for part in ("numerator", "denominator")
        )
        what, of = self.kpi["numerator_label"], self.kpi["denominator_label"]
        labels = {"top": top, "bottom": bottom, "what": what, "of": of}
        if not what or not of:
            return _("%(top)s ÷ %(bottom)s.") % labels
        if self.kpi["is_share"]:
            return _("%(top)s of %(bottom)s %(of)s %(what)s.") % labels
        return _("%(top)s %(what)s ÷ %(bottom)s %(of)s.") % labels

    @property
    def history(self) -> str:
        """How rare this is: “Off track for the first time since W41.”"""
        name, rows = words.sentence_case(words.band_name(self.band)), self.facts["periods"]
        run = 0
        while run < len(rows) and rows[-1 - run]["band"] == self.band:
            run += 1
        if run > 1:
            return _("%(band)s for %(periods)s in a row.") % {"band": name, "periods": self._periods(run)}
        before = [row["label"] for row in rows[: len(rows) - run] if row["band"] == self.band]
        if before:
            return _("%(band)s for the first time since %(label)s.") % {"band": name, "label": before[-1]}
        if len(rows) < SHOWN:
            return ""
        return _("%(band)s for the first time in %(periods)s.") % {"band": name, "periods": self._periods(len(rows))}

    def _periods(self, count: int) -> str:
        return words.periods(self.kpi["frequency"], count)

    @property
    def see(self) -> list[str]:
        return [text for text in (self._correction(), self._movement(), self.history, self._signal()) if text]

    def _correction(self) -> str:
        correction = self.facts["correction"]
        if self.kind != "correction" or correction is None:
            return ""
        values = {
            "label": correction["label"],
            "was": self.figure(correction["was"]),
            "value": self.figure(correction["value"]),
            "who": correction["by"],
            "when": words.moment(correction["at"], self.reader),
        }
        text = _("%(who)s corrected %(label)s from %(was)s to %(value)s on %(when)s") % values
        return f"{text}: {correction['note']}." if correction["note"] else f"{text}."

    def _movement(self) -> str:
        rows = self.facts["periods"]
        if len(rows) < 2:
            return ""
        change = Decimal(rows[-1]["value"]) - Decimal(rows[-2]["value"])
        values = {
            "by": self.distance(str(change)).lstrip("+−±"),
            "label": rows[-2]["label"],
            "value": self.figure(rows[-2]["value"]),
        }
        if round(change, self.kpi["decimals"]) == 0:
            return _("The same as in %(label)s.") % values
        if change > 0:
            return _("Up %(by)s from %(label)s (%(value)s).") % values
        return _("Down %(by)s from %(label)s (%(value)s).") % values

    def _signal(self) -> str:
        better = self.kind == "better"
        match self.facts["signal"]:
            case "routine" if better:
                return _("Inside the routine range of this series: not yet a lasting recovery.")
            case "routine":
                return _("Inside the routine range of this series: not yet a trend.")
            case "signal" if better:
                return _("Outside the routine range of this series: a signal; find out what worked.")
            case "signal":
                return _("Outside the routine range of this series: a signal; look for its cause.")
            case "too_few":
                return _("Too few values so far to tell a signal from routine.")
        return ""

    @property
    def to_do(self) -> list[str]:
        if not self.is_trouble:
            return [_("Nothing: the alert is closed.")]
        return [text for text in (self._explain(), *self._initiatives(), self._deputy()) if text]

    def _explain(self) -> str:
        if self.facts["explain_by"] is None:
            return ""
        values = {"day": words.weekday(self.facts["explain_by"]), "owner": self.kpi["owner"]}
        if self.is_owner:
            return _("Give cause, action and recovery date by %(day)s.") % values
        return _("%(owner)s gives cause, action and recovery date by %(day)s.") % values

    def _initiatives(self) -> list[str]:
        if not self.facts["initiatives"]:
            return [_("No initiative answers this KPI yet.")]
        sentences = []
        for initiative in self.facts["initiatives"]:
            values = {
                "name": initiative["name"],
                "change": self.distance(initiative["change"]),
                "day": words.long_day(initiative["full_effect_on"]),
            }
            text = (
                _("%(name)s waits for approval: %(change)s by %(day)s.")
                if initiative["is_proposed"]
                else _("%(name)s answers it: %(change)s expected by %(day)s.")
            )
            sentences.append(text % values)
        return sentences

    def _deputy(self) -> str:
        if not self.kpi["deputy"]:
            return ""
        text = _("%s is your deputy.") if self.is_owner else _("%s is the deputy.")
        return text % self.kpi["deputy"]

    @property
    def foot(self) -> list[str]:
        moment, source = words.moment(self.facts["confirmed_at"], self.reader), self.kpi["source"]
        confirmed = (
            _("Confirmed on %(moment)s, from %(source)s.") % {"moment": moment, "source": source}
            if source
            else _("Confirmed on %(moment)s.") % {"moment": moment}
        )
        return [confirmed, words.why_told(self.facts["follows"])]

    # --- layout -----------------------------------------------------------------------------

    def context(self) -> dict[str, Any]:
        name, days = words.period_in_full(self.now, self.kpi["frequency"])
        explain = self._explain() if self.is_trouble else ""
        return {
            "organisation": self.facts["organisation"],
            "role": (_("alert for %s, owner") if self.is_owner else _("alert for %s")) % self.reader.name,
            "preheader": " ".join(text for text in (self.history, explain) if text),
            "band": words.band_name(self.band),
            "kind": words.KINDS[self.band],
            "shape": words.SHAPES[self.band],
            "headline": self.headline(),
            "headline_shaped": self.headline(words.SHAPES[self.was]),
            "name": self.kpi["name"],
            "value": self.figure(self.now["value"]),
            "limits": self.limits,
            "period": name,
            "days": days,
            "is_day": self.kpi["frequency"] == "day",
            "ratio": self.ratio,
            "alt": self._alt(),
            "first": self.facts["periods"][0]["label"],
            "last": self.now["label"],
            "goal": self.goal,
            "period_name": words.period_name(self.kpi["frequency"]),
            "unit": self.kpi["unit"],
            "delta_unit": delta_unit(self.kpi["unit"]),
            "has_start": self.kpi["frequency"] == "week",
            "rows": self._rows(),
            "table": self._table(),
            "see": " ".join(self.see),
            "see_text": wrapped(self.see),
            "to_do": " ".join(self.to_do),
            "to_do_text": wrapped(self.to_do),
            "action": _("Open and explain") if self.is_owner and self.is_trouble else _("Open the KPI"),
            "foot": " ".join(self.foot),
            "foot_text": wrapped(self.foot, ""),
        }

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "label": row["label"],
                "start": short_day(date.fromisoformat(row["start"])),
                "value": self.number(row["value"]),
                "to_goal": self.signed(row["to_goal"]),
                "band": words.band_name(row["band"]),
                "kind": words.KINDS[row["band"]],
                "shape": words.SHAPES[row["band"]],
                "is_now": row is self.now,
            }
            for row in self.facts["periods"][-SHOWN:]
        ]

    def _table(self) -> str:
        """The last periods in columns of plain text."""
        head = [words.period_name(self.kpi["frequency"]), _("from"), _("value"), _("to goal"), _("band")]
        lines = [head]
        for row, period in zip(self._rows(), self.facts["periods"][-SHOWN:], strict=True):
            lines.append([row["label"], row["start"], self.figure(period["value"]), row["to_goal"], row["band"]])
        if self.kpi["frequency"] != "week":
            lines = [[line[0], *line[2:]] for line in lines]
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        return "\n".join(_aligned(line, widths) for line in lines)

    def _alt(self) -> str:
        """The picture in words."""
        rows = self.facts["periods"]
        lowest = min(rows, key=lambda row: Decimal(row["value"]))
        highest = max(rows, key=lambda row: Decimal(row["value"]))
        values = {
            "periods": words.sentence_case(self._periods(len(rows))),
            "first": self.number(rows[0]["value"]),
            "first_label": rows[0]["label"],
            "low": self.number(lowest["value"]),
            "low_label": lowest["label"],
            "high": self.number(highest["value"]),
            "high_label": highest["label"],
            "last": self.number(self.now["value"]),
            "last_label": self.now["label"],
        }
        return (
            _(
                "%(periods)s: %(first)s in %(first_label)s, lowest %(low)s in %(low_label)s, "
                "highest %(high)s in %(high_label)s, %(last)s in %(last_label)s"
            )
            % values
        )


def _aligned(line: list[str], widths: list[int]) -> str:
    """First and last column to the left, figures to the right."""
    first, *middle, last = line
    cells = [first.ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(middle, widths[1:], strict=False)]
    return "  " + "   ".join([*cells, last]).rstrip()


def _point(row: dict[str, Any]) -> Point:
    limits = {name: _decimal(row[name]) for name in ("goal", "red_flag", "goal_high", "red_high")}
    return Point(value=Decimal(row["value"]), band=row["band"], **limits)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _places(text: str) -> int:
    """Decimals as the value has them, two at most: counts are whole, money is not."""
    return min(len(text.partition(".")[2]), 2)
