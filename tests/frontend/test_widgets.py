"""Controls look as Django's own templates draw them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates

from kpiplatform.widgets import DRAWN, Renderer

HOSTILE = "\"><script>alert('x')</script>&"
COLOURS = [("", "none"), ("r", HOSTILE), ("Cool", [("b", "Blue"), (7, "Seven")])]
ATTRS = {"id": "it", "required": True, "disabled": False, "rows": 2, "aria-label": HOSTILE}
PLAIN, DRAWING = DjangoTemplates(), Renderer()


@pytest.mark.parametrize(
    ("widget", "value"),
    [
        (forms.TextInput(ATTRS), HOSTILE),
        (forms.TextInput(), None),
        (forms.NumberInput(ATTRS), 0),
        (forms.NumberInput(), "1.50"),
        (forms.DateInput({"type": "date"}), date(2026, 11, 22)),
        (forms.EmailInput(ATTRS), "ana@example.com"),
        (forms.PasswordInput(), "secret"),
        (forms.HiddenInput(), ""),
        (forms.CheckboxInput(ATTRS), True),
        (forms.CheckboxInput(), False),
        (forms.FileInput({"accept": ".csv"}), None),
        (forms.Textarea(ATTRS), f"one\n{HOSTILE}"),
        (forms.Textarea(), ""),
        (forms.Select(ATTRS, choices=COLOURS), "b"),
        (forms.Select(choices=COLOURS), None),
        (forms.SelectMultiple(choices=COLOURS), ["r", "7"]),
        (forms.RadioSelect(ATTRS, choices=COLOURS), "b"),
        (forms.CheckboxSelectMultiple(choices=COLOURS), ["r"]),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, forms.Widget) else "",
)
def test_a_control_has_the_markup_of_the_template_it_replaces(widget: forms.Widget, value: Any) -> None:
    drawn, plain = (widget.render("colour", value, renderer=renderer).split("\n") for renderer in (DRAWING, PLAIN))
    assert [line for line in drawn if line] == [line for line in plain if line]


def test_the_forms_of_pages_are_drawn_by_it() -> None:
    class Naming(forms.Form):
        name = forms.CharField()

    assert isinstance(Naming().renderer, Renderer)
    assert Naming().fields["name"].widget.template_name in DRAWN
