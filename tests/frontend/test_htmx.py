import json
from pathlib import Path

import pytest
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import RequestFactory
from django_htmx.middleware import HtmxMiddleware
from pytest_django import Settings

from kpiplatform.htmx import ClientRedirectMiddleware, changed, page

TEMPLATE = "<main>whole {% partialdef panel inline %}<p>panel {{ value }}</p>{% endpartialdef %}</main>"


@pytest.fixture(autouse=True)
def template(tmp_path: Path, settings: Settings) -> None:
    """Let one page with one partial be all there is."""
    (tmp_path / "page.html").write_text(TEMPLATE)
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path]}]


def request(*, method: str = "get", path: str = "/kpis/otp?weeks=13", **headers: str) -> HttpRequest:
    made = getattr(RequestFactory(), method)(
        path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    HtmxMiddleware(lambda _: HttpResponse())(made)
    made.session = {}
    made._messages = FallbackStorage(made)
    return made


HTMX = {"HX_Request": "true"}


def test_a_plain_request_gets_the_whole_page() -> None:
    response = page(request(), "page.html", {"value": 1}, partial="panel")
    assert response.content == b"<main>whole <p>panel 1</p></main>"


def test_an_htmx_request_gets_the_partial_of_the_same_template() -> None:
    response = page(request(**HTMX), "page.html", {"value": 1}, partial="panel")
    assert response.content == b"<p>panel 1</p>"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("stands_in", ["HX_Boosted", "HX_History_Restore_Request"])
def test_an_htmx_request_that_stands_in_for_navigation_gets_the_whole_page(stands_in: str) -> None:
    response = page(request(**HTMX, **{stands_in: "true"}), "page.html", {}, partial="panel")
    assert b"whole" in response.content


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_caches_keep_page_and_partial_apart(headers: dict[str, str]) -> None:
    response = page(request(**headers), "page.html", {}, partial="panel")
    assert {"HX-Request", "HX-Boosted", "HX-History-Restore-Request"} <= set(response["Vary"].split(", "))


def test_a_refused_form_says_so_by_its_status() -> None:
    assert page(request(**HTMX), "page.html", {}, partial="panel", status=422).status_code == 422


def test_after_a_write_htmx_gets_the_panel_and_the_fact() -> None:
    response = changed(
        request(method="post", **HTMX),
        "page.html",
        {"value": 2},
        partial="panel",
        fact="measurement-recorded",
        message="W46 “saved”",
    )
    assert response.content == b"<p>panel 2</p>"
    assert response["HX-Trigger"].isascii()
    assert json.loads(response["HX-Trigger"]) == {"measurement-recorded": {"message": "W46 “saved”"}}


def test_after_a_write_without_htmx_the_page_is_loaded_anew_with_the_message() -> None:
    posted = request(method="post")
    response = changed(posted, "page.html", partial="panel", fact="measurement-recorded", message="Saved")
    assert (response.status_code, response["Location"]) == (303, "/kpis/otp?weeks=13")
    assert [str(message) for message in posted._messages] == ["Saved"]


def test_after_a_write_without_htmx_one_may_be_sent_elsewhere() -> None:
    response = changed(request(method="post"), "page.html", partial="panel", fact="note-added", to="/mine")
    assert response["Location"] == "/mine"


def through_middleware(made: HttpRequest, response: HttpResponse) -> HttpResponse:
    return ClientRedirectMiddleware(lambda _: response)(made)


def test_a_sign_in_redirect_inside_a_swap_moves_the_whole_page() -> None:
    made = request(path="/kpis/otp/panel", **HTMX, HX_Current_URL="http://testserver/kpis/otp?weeks=13")
    response = through_middleware(made, HttpResponseRedirect("/accounts/login/?next=/kpis/otp/panel"))
    assert response.status_code == 200
    assert response["HX-Redirect"] == "/accounts/login/?next=%2Fkpis%2Fotp%3Fweeks%3D13"
    assert "Location" not in response


def test_signing_in_never_leads_to_another_site() -> None:
    made = request(**HTMX, HX_Current_URL="https://elsewhere.example/kpis")
    response = through_middleware(made, HttpResponseRedirect("/accounts/login/?next=/x"))
    assert response["HX-Redirect"] == "/accounts/login/?next=%2F"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_other_redirects_pass_through(headers: dict[str, str]) -> None:
    answer = HttpResponseRedirect("/mine")
    assert through_middleware(request(**headers), answer) is answer


def test_a_sign_in_redirect_of_a_page_passes_through() -> None:
    answer = HttpResponseRedirect("/accounts/login/?next=/mine")
    assert through_middleware(request(), answer) is answer
