"""The files that describe the sample organisation."""

import tomllib
from decimal import Decimal
from typing import Any

from kpiplatform.demo.source_files import SAMPLES

FOLDER = SAMPLES / "organisation"
KPI_FILES = ("strategic", "operations", "airports", "carriers", "derived")
MAPPING_PARTS = ("value", "numerator", "denominator")

type Sheet = dict[str, Any]


def read(name: str) -> Sheet:
    """Return the content of one file; numbers with a decimal point are exact."""
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file, parse_float=Decimal)


def kpi_sheets() -> list[Sheet]:
    """Return the definition sheet of every KPI, complete: what `like` names is taken over first."""
    sheets: dict[str, Sheet] = {}
    for file in KPI_FILES:
        for written in read(f"kpis/{file}")["kpi"]:
            sheet = _taken_over(sheets[written["like"]], written) if "like" in written else written
            sheets[sheet["code"]] = sheet
    return list(sheets.values())


def mapping_spec(sheet: Sheet) -> Sheet:
    """Return how the rows of the source become values of this KPI, as the platform stores it."""
    spec: Sheet = {"where": [*sheet.get("where", []), *sheet.get("narrow", [])]}
    spec |= {part: sheet[part] for part in MAPPING_PARTS if part in sheet}
    if "value" not in sheet:
        spec["factor"] = sheet.get("factor", 1)
    return spec


def _taken_over(model: Sheet, written: Sheet) -> Sheet:
    own_mapping = any(part in written for part in MAPPING_PARTS)
    dropped = {*(MAPPING_PARTS if own_mapping else ()), "narrow", "like", "entered", "corrected"}
    return {name: value for name, value in model.items() if name not in dropped} | written
