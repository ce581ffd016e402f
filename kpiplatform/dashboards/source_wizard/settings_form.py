"""A form made from the settings that a kind of source declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext as _

from kpiplatform.audit.editing import seen, seen_field
from kpis.models import DataSource
from kpis.services.connecting import ASKED
from kpis.sources.settings import Setting, Type

# What they hold is shown and noted in the audit trail like every other setting.
SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-auth-token"}


class SettingsForm(forms.Form):
    """The settings that count beside what is chosen; a secret is never shown again.

    A choice that makes other settings count asks for them on the next answer: nothing is saved until all are there.
    What is `typed` so far stands in the fields then, and is not held against them yet.
    """

    seen = seen_field()

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        typed: Any = None,
        source: DataSource,
        declared: Sequence[Setting],
        has_secrets: frozenset[str] = frozenset(),
        choices: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        stored = {one.name: _as_typed(one, source.config.get(one.name, one.default)) for one in declared}
        super().__init__(data, files, auto_id="setting-%s", initial=stored | {"seen": seen(source, ASKED)})
        self.source, self.declared, self.has_secrets = source, declared, has_secrets
        said = data if data is not None else typed or {}
        chosen = stored | {name: said[name] for name in stored if name in said}
        self.asked = [one for one in declared if one.type is not Type.STEPS and one.counts(chosen)]
        deciding = {one.only_if[0] for one in declared if one.only_if}
        for one in self.asked:
            self.fields[one.name] = _field(
                one, stored=one.name in has_secrets, decides=one.name in deciding, known=(choices or {}).get(one.name)
            )
        self.order_fields(["seen", *(one.name for one in self.asked)])
        if typed is not None:
            self.initial |= {
                name: field.widget.value_from_datadict(typed, {}, name)
                for name, field in self.fields.items()
                if not field.widget.value_omitted_from_data(typed, {}, name)
            }
        if any(one.name == "origin" for one in self.asked) and chosen.get("origin") == "upload":
            newest = source.uploads.first()
            kept = (
                _("%(name)s was sent in last. Choose another file to replace it.") % {"name": newest} if newest else ""
            )
            self.fields["sent"] = forms.FileField(label=_("File"), required=newest is None, help_text=kept)

    def config(self) -> dict[str, Any]:
        """Return the settings of the source with what was typed; settings that are asked elsewhere stay."""
        values = dict(self.source.config)
        for one in self.declared:
            if one.type is not Type.STEPS:
                values.pop(one.name, None)
        for one in self.asked:
            value = self.cleaned_data[one.name]
            if not one.is_secret and value is not None and value != one.default:
                values[one.name] = value
        return values

    def secrets(self) -> dict[str, str]:
        """Return the secrets that were typed; an empty field keeps the stored one."""
        return {
            one.name: self.cleaned_data[one.name] for one in self.asked if one.is_secret and self.cleaned_data[one.name]
        }


def with_query(data: Any, tables: Sequence[Mapping[str, Any]] | None) -> Any:
    """Return what was sent, with the query over the table that was chosen in it, if one was."""
    place = (data or {}).get("use", "")
    if not place.isdecimal() or not tables or int(place) >= len(tables):
        return data
    chosen = data.copy()
    chosen["query"] = tables[int(place)]["query"]
    return chosen


def _storable(value: Any) -> str:
    """Return what was typed; the field's own validators only see what is made of it."""
    text = str(value or "")
    ProhibitNullCharactersValidator()(text)
    return text


class NamesField(forms.CharField):
    """Names with commas between them."""

    def to_python(self, value: Any) -> list[str]:
        return [name.strip() for name in _storable(value).split(",") if name.strip()]


class PairsField(forms.CharField):
    """Names and texts, one pair a line: “Accept: text/csv”."""

    widget = forms.Textarea(attrs={"rows": 2})

    def to_python(self, value: Any) -> dict[str, str]:
        pairs = {}
        for number, line in enumerate(_storable(value).splitlines(), start=1):
            name, mark, text = line.partition(":")
            if line.strip() and not (mark and name.strip()):
                raise ValidationError(_("Line %(line)d is not written “name: text”.") % {"line": number})
            if name.strip().lower() in SECRET_HEADERS:
                says = _("“%(name)s” is a secret: say it where the source signs in, where it is kept encrypted.")
                raise ValidationError(says % {"name": name.strip()})
            if line.strip():
                pairs[name.strip()] = text.strip()
        return pairs


def _field(one: Setting, *, stored: bool, decides: bool, known: Sequence[str] | None) -> forms.Field:
    label, help_text = _(one.label), _(one.help) if one.help else ""
    common: dict[str, Any] = {"label": label, "help_text": help_text, "required": one.required}
    if one.is_secret:
        kept = _("One is stored. Leave it empty to keep it.")
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        return forms.CharField(
            label=label, help_text=kept if stored else help_text, required=one.required and not stored, widget=widget
        )
    match one.type:
        case Type.FLAG:
            return forms.BooleanField(label=label, help_text=help_text, required=False)
        case Type.WHOLE:
            return forms.IntegerField(min_value=one.least, max_value=one.most, **common)
        case Type.CHOICE:
            widget = forms.Select(attrs={"data-decides": "1"} if decides else {})
            return forms.TypedChoiceField(
                empty_value=one.default,
                choices=[(value, _(words)) for value, words in one.choices],
                widget=widget,
                **common | {"required": False},
            )
        case Type.NAMES:
            return NamesField(**common)
        case Type.PAIRS:
            return PairsField(**common)
        case Type.LONG_TEXT:
            widget = forms.Textarea(attrs={"rows": 8, "class": "query", "spellcheck": "false"})
            return forms.CharField(widget=widget, **common)
    if known:
        options = [] if one.required else [("", "–")]
        return forms.ChoiceField(choices=[*options, *((name, name) for name in known)], **common)
    return forms.CharField(**common)


def _as_typed(one: Setting, value: Any) -> Any:
    if one.type is Type.NAMES:
        return ", ".join(value)
    if one.type is Type.PAIRS:
        return "\n".join(f"{name}: {text}" for name, text in value.items())
    return value
