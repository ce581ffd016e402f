"""Chosen pages in their states, wide and light: axe-core finds nothing, and all fits a phone. See also the crawl."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from kpis.models import Kpi
from tests.journeys.conftest import Site, Visitor

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A page, and who looks at it; `status` is that of its answer."""

    role: str
    path: Callable[[Site], str]
    status: int = 200


def richest_kpi() -> str:
    """Return the KPI of the sample that comes from a source and has notes on its chart."""
    kpis = Kpi.objects.filter(tier="strategic", entry="source", annotations__isnull=False)
    return kpis.order_by("code").values_list("code", flat=True)[0]


SIGHTS = {
    "sign-in": Sight(role="", path=lambda site: "/accounts/login/"),
    "strategic scorecard": Sight(role="executive", path=lambda site: "/scorecard/"),
    "scorecard of a past week": Sight(role="executive", path=lambda site: f"/scorecard/?week={site.earlier.key}"),
    "scorecard without rows": Sight(role="executive", path=lambda site: "/scorecard/?theme=none-such"),
    "KPI": Sight(role="executive", path=lambda site: f"/kpis/{richest_kpi()}/"),
    "KPI with natural limits": Sight(role="executive", path=lambda site: f"/kpis/{richest_kpi()}/?view=xmr"),
    "KPI typed by hand": Sight(role="owner", path=lambda site: "/kpis/RAMP-WALKS/"),
    "explanation": Sight(role="owner", path=lambda site: "/kpis/RAMP-WALKS/commentary/?kind=explanation"),
    "my KPIs": Sight(role="owner", path=lambda site: "/my/"),
    "my KPIs, none": Sight(role="executive", path=lambda site: "/my/"),
    "cell": Sight(role="owner", path=lambda site: f"/my/RAMP-WALKS/{site.week.start}/"),
    "not found": Sight(role="owner", path=lambda site: "/kpis/NO-SUCH-KPI/", status=404),
}


@pytest.fixture(scope="module")
def seats(browser: Browser, site: Site) -> Iterator[dict[str, Visitor]]:
    """One browser window per role, signed in once."""
    taken: dict[str, Visitor] = {}
    for role in sorted({sight.role for sight in SIGHTS.values()}):
        context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(30_000)
        taken[role] = Visitor(page=context.new_page(), site=site)
        if role:
            taken[role].sign_in(role)
    yield taken
    for visitor in taken.values():
        visitor.page.context.close()


def findings(page: Page, *, contrast: bool = True) -> list[str]:
    """Run axe-core for violations alone; without its preload, which fetches style sheets a second time."""
    options = {"preload": False, "resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": contrast}}}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']} ({one['impact']}): {node['html'][:160]}" for one in found for node in one["nodes"][:3]]


@pytest.mark.parametrize("name", SIGHTS)
def test_a_page_breaks_no_rule_of_accessibility_and_fits_a_phone(
    site: Site, seats: dict[str, Visitor], name: str
) -> None:
    sight = SIGHTS[name]
    visitor, page = seats[sight.role], seats[sight.role].page
    visitor.faults.clear()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    response = page.goto(f"{site.url}{sight.path(site)}", wait_until="load")
    assert response is not None
    assert response.status == sight.status
    if page.locator("[data-chart]").count():
        page.locator("[data-chart] .main-svg").first.wait_for()
    assert findings(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [fault for fault in visitor.faults if str(sight.status) not in fault] == []
