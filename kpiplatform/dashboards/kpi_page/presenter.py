"""All that the template of the KPI page prints, in the order in which it stands there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from django.urls import reverse

from kpiplatform.dashboards.as_known import NOW, PARAMETER, beginning
from kpiplatform.dashboards.kpi_page import answer, choice, history, sheet
from kpiplatform.dashboards.kpi_page.chart import all_notes, chart
from kpiplatform.dashboards.kpi_page.choice import ALL, TABLE, Choice
from kpiplatform.dashboards.kpi_page.facts import Facts
from kpiplatform.dashboards.kpi_page.headline import band_state, headline, lede
from kpiplatform.dashboards.kpi_page.parts import parts
from kpiplatform.dashboards.kpi_page.table import LATEST, table
from kpiplatform.dashboards.kpi_page.table_rows import rows_of
from kpiplatform.dashboards.kpi_page.timeline import latest_closed, timeline
from kpiplatform.dashboards.kpi_page.wording import Wording
from kpiplatform.dashboards.trust import explained
from kpis.dates import short_label
from kpis.models import Kpi


def kpi_page(facts: Facts, choose: Choice) -> dict[str, Any]:
    """Return the context of the page for what the reader chose to see."""
    cells = timeline(facts)
    wording = Wording.of(facts)
    notes = all_notes(facts, wording)
    span, shown = choice.chosen(choose, cells, facts)
    latest = latest_closed(cells)
    first_lines, more_lines = sheet.definition(facts)
    is_table = choose.view == TABLE
    twin = table(facts=facts, cells=shown if is_table else cells, notes=notes, limit=None if is_table else LATEST)
    trusted = next((cell.period for cell in cells if cell.period.start == choose.trusted), None)
    graded = trusted or (latest.period if latest else None)
    kept = {name: value for name, value in choose.query.items() if name != PARAMETER}
    return {
        "kpi": facts.kpi,
        "opens_objective": facts.opens_objective,
        "feeds_others": facts.feeds_others,
        "band": latest.band if latest else "",
        "band_state": band_state(facts),
        "lede": lede(facts, cells),
        "headline": headline(facts, cells),
        "trust": explained(facts.confidence.get(graded.start), facts) if graded else None,
        "trusted": short_label(trusted) if trusted else "",
        "rows_of": graded.start if graded and facts.may_read_rows and not choose.known.on else None,
        "source": None if choose.known.on else sheet.source(facts),
        "choice": choose,
        "views": choice.views(choose),
        "spans": choice.spans(choose, span, facts),
        "chart": None if is_table else chart(facts=facts, cells=cells, shown=shown, view=choose.view, notes=notes),
        "has_values": latest is not None or any(cell.value is not None for cell in cells),
        "parts": parts(facts),
        "is_table": is_table,
        "table": twin,
        "table_rows": rows_of(
            twin,
            links=not choose.known.on,
            may_correct=facts.may_correct,
            confidence=replace(choose, trusted=date.min).url.replace(date.min.isoformat(), ""),
        ),
        "all_periods_url": replace(choose, view=TABLE, span=ALL, trusted=date.min).url,
        "thread": history.thread(facts),
        "entry_count": len(facts.comments),
        "revisions": history.revisions(facts),
        "revision_count": facts.revision_count,
        "revisions_url": replace(choose, all_revisions=not choose.all_revisions).url,
        "to_green": answer.to_green(facts, cells),
        "is_green": bool(latest and latest.band == "on_track"),
        "initiatives": answer.initiatives(facts, cells),
        "coverage": answer.coverage(facts, cells),
        "definition": first_lines,
        "definition_more": more_lines,
        "definition_version": sheet.version_words(facts),
        "limits": sheet.limits(facts),
        "people": sheet.people(facts),
        "guard": sheet.guard(facts),
        "may_comment": facts.may_comment,
        "may_correct": facts.may_correct,
        "may_configure": facts.may_configure,
        "known": choose.known,
        "is_retired": facts.kpi.status == Kpi.Status.RETIRED,
        "now_url": reverse("scorecard") if facts.kpi.status == Kpi.Status.RETIRED else replace(choose, known=NOW).url,
        "kept": kept,
        "begins": beginning(kpi_ids=[facts.kpi.pk], known=choose.known, kept=kept),
        "day": facts.today,
        "judged_at": wording.moment(facts.state.evaluated_at) if facts.state.evaluated_at else "",
    }
