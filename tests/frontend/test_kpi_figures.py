import json
import re
from dataclasses import asdict, dataclass
from decimal import Decimal

import pytest
from django.template import Context, Template

from kpis.domain.bullet import bullet
from kpis.domain.sparkline import Spark, sparkline

SHAPED = ("on_track", "at_risk", "off_track", "")
HOSTILE = "\"><script>alert('x')</script>&"


@dataclass
class Person:
    name: str = "Rosa Delgado"
    initials: str = "RD"


def rendered(tag: str, **context: object) -> str:
    return Template("{% load kpi_figures %}" + tag).render(Context(context))


@pytest.mark.parametrize(
    ("band", "kind", "word"),
    [
        ("on_track", "on", "On track"),
        ("at_risk", "risk", "At risk"),
        ("off_track", "off", "Off track"),
        ("", "none", "No band"),
    ],
)
def test_a_band_is_a_shape_with_a_name(band: str, kind: str, word: str) -> None:
    markup = rendered("{% band band %}", band=band)
    assert f'class="band band--{kind}"' in markup
    assert f'role="img" aria-label="{word}"' in markup


def test_the_four_shapes_differ_without_colour() -> None:
    shapes = {re.sub(r".*?>", "", rendered("{% band band %}", band=band), count=1) for band in SHAPED}
    assert len(shapes) == len(SHAPED)


def test_a_band_beside_its_word_is_not_read_out_twice() -> None:
    markup = rendered("{% band 'at_risk' label=False %}")
    assert 'aria-hidden="true"' in markup
    assert "aria-label" not in markup


def test_provisional_is_hollow_and_stale_is_hatched_and_both_are_said() -> None:
    provisional = rendered("{% band 'on_track' state='provisional' %}")
    stale = rendered("{% band 'off_track' state='stale' %}")
    assert "band--hollow" in provisional
    assert 'aria-label="On track, provisional"' in provisional
    assert 'fill="url(#hatch-off)"' in stale
    assert 'aria-label="Off track, data stale"' in stale


def test_a_size_is_a_class() -> None:
    assert "band--lg" in rendered("{% band 'on_track' 'lg' %}")


def test_an_unknown_band_is_a_fault_and_not_an_empty_place() -> None:
    with pytest.raises(KeyError):
        rendered("{% band 'green' %}")


def test_a_band_word_has_shape_word_and_colour() -> None:
    markup = rendered("{% band_word 'at_risk' state='provisional' %}")
    assert 'class="band-word band-word--risk"' in markup
    assert "At risk, provisional</span>" in markup


def test_a_flow_is_read_as_one_sentence() -> None:
    markup = rendered("{% flow 'at_risk' 'off_track' %}")
    assert "At risk before, Off track now" in markup
    assert markup.index("band--risk") < markup.index("band--off")
    assert markup.count('aria-hidden="true"') == 2


def test_a_bullet_says_its_scores() -> None:
    markup = rendered("{% bullet row %}", row=bullet(Decimal("7.1"), Decimal("6.9")))
    assert 'aria-label="Score 7.1 of 10; 6.9 at the last review"' in markup
    assert '<rect class="bar" x="0" y="6.5" width="102.2" height="5"/>' in markup
    assert '<circle class="was" cx="99.4" cy="9" r="2.5"/>' in markup
    assert '<rect class="goal" x="95" y="1.5" width="2" height="15"/>' in markup


def test_a_row_without_score_has_a_dotted_line_and_no_bar() -> None:
    markup = rendered("{% bullet row %}", row=bullet(None))
    assert "No value yet" in markup
    assert 'class="bar"' not in markup


@pytest.mark.parametrize(("band", "element"), [("on_track", "circle"), ("at_risk", "path"), ("off_track", "rect")])
def test_a_sparkline_ends_in_the_shape_of_its_band(band: str, element: str) -> None:
    spark = sparkline([Decimal(1), Decimal(2)], goal=Decimal(3), band=band, label="2 weeks")
    markup = rendered("{% spark row %}", row=spark)
    assert re.search(rf'<{element} class="last last--', markup)
    assert 'role="img" aria-label="2 weeks"' in markup


def test_a_stored_sparkline_draws_like_a_fresh_one() -> None:
    spark = sparkline([Decimal(1), None, Decimal(2)], range_low=Decimal(0), range_high=Decimal(3), band="on_track")
    assert spark is not None
    assert rendered("{% spark row %}", row=asdict(spark)) == rendered("{% spark row %}", row=spark)


def test_a_missing_sparkline_is_nothing() -> None:
    assert rendered("{% spark row %}", row=None) == ""
    assert rendered("{% spark row %}", row={}) == ""


def test_hostile_names_and_labels_stay_text() -> None:
    person = Person(name=HOSTILE, initials="<b")
    broken = Spark(path=HOSTILE, goal=HOSTILE, range_top=HOSTILE, range_height=HOSTILE, label=HOSTILE)
    markup = (
        rendered("{% avatar p %}{% avatar p label=False %}", p=person)
        + rendered("{% spark s %}", s=broken)
        + rendered("{% bullet b label=words %}", b=bullet(Decimal(5)), words=HOSTILE)
        + rendered("{% include 'components/person.html' %}", person=person)
        + rendered("{% include 'components/empty.html' %}", title=HOSTILE, text=HOSTILE, url=HOSTILE, action=HOSTILE)
    )
    assert "<script" not in markup
    assert "<b<" not in markup
    assert HOSTILE not in markup


def test_an_avatar_names_its_person() -> None:
    markup = rendered("{% avatar p %}", p=Person())
    assert markup == '<span class="avatar" title="Rosa Delgado" aria-label="Rosa Delgado" role="img">RD</span>'


def test_the_data_of_a_chart_cannot_end_the_element_it_stands_in() -> None:
    markup = rendered("{% chart_data figure %}", figure={"unit": HOSTILE, "periods": [{"value": 1.5, "hover": ["–"]}]})
    data = markup.removeprefix('<script id="chart-data" type="application/json">').removesuffix("</script>")
    assert not set("<>&") & set(data)
    assert json.loads(data) == {"unit": HOSTILE, "periods": [{"value": 1.5, "hover": ["–"]}]}
