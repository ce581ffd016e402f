"""Which kinds of source there are, what each wants to know, and who reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Connector, Place, SourceError
from kpis.sources.settings import Setting
from kpis.sources.steps import Steps

# Each kind is a module of this name, loaded by who needs it: the libraries behind some are slow to load.
KINDS = {"csv_file": "CsvFile", "xlsx_file": "XlsxFile", "sql_query": "SqlQuery", "http_json": "HttpJson"}


def settings_of(kind: str) -> Sequence[Setting]:
    """Return the settings of a kind in the order in which one asks for them."""
    if kind not in KINDS:
        raise SourceError(Sentence(_("%(kind)s is not a kind of source."), {"kind": kind}))
    return import_module(f"kpis.sources.{kind}").SETTINGS


def connector_of(kind: str, settings: Mapping[str, Any], place: Place) -> Connector:
    """Return who reads a source with these settings; SourceError says what is wrong with them."""
    return getattr(import_module(f"kpis.sources.{kind}"), KINDS[kind]).from_settings(settings, place)


def steps_of(settings: Mapping[str, Any], connector: Connector) -> Steps:
    """Return what is made of the rows before they count; SourceError says what is wrong with a step."""
    return Steps.of(settings["steps"], connector.formats)
