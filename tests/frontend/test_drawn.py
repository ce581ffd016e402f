"""What stands on every page is drawn once, and holds nothing of the reader it was drawn for first."""

from __future__ import annotations

from django.http import HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import path
from django.utils import translation


class Elsewhere:
    """A site with one address."""

    urlpatterns = [path("elsewhere/", HttpResponse, name="search")]


HOSTILE = "\"><script>alert('x')</script>&"


def drawn(text: str, **context: object) -> str:
    template = engines["django"].from_string("{% load drawn %}" + text)
    return template.render(context)


def test_a_fixed_part_is_empty_where_it_asks_for_something_of_the_page():
    assert drawn("{% fixed %}[{{ user }}]{% endfixed %}{{ user }}", user="Ana") == "[]Ana"


def test_a_fixed_part_is_drawn_once_in_each_language():
    fixed = engines["django"].from_string(
        "{% load drawn i18n %}{% fixed %}{% get_current_language as l %}{{ l }}{% endfixed %}"
    )
    with translation.override("de"):
        german = fixed.render()
    assert (german, fixed.render(), fixed.render()) == ("de", "en", "en")


def test_a_fixed_part_has_the_addresses_of_the_site_it_stands_on():
    fixed = engines["django"].from_string("{% load drawn %}{% fixed %}{% url 'search' %}{% endfixed %}")
    assert fixed.render() == "/search/"
    with override_settings(ROOT_URLCONF=Elsewhere):
        assert fixed.render() == "/elsewhere/"


def test_the_chosen_option_is_selected_whatever_kind_of_value_it_is():
    choices = [(7, "Seven"), ("b", HOSTILE)]
    html = drawn("{% options choices chosen %}", choices=choices, chosen="7")
    assert html == (
        '<option value="7" selected>Seven</option>'
        '<option value="b">&quot;&gt;&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;</option>'
    )
