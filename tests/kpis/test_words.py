"""What the domain of KPIs says by a code, in the reader's language."""

import pytest

from kpis.domain.limits import Flaw, LimitsRefused
from kpis.words import why_no_limits
from tests.another_language import another_language, left_english


@pytest.mark.parametrize("flaw", Flaw)
def test_each_flaw_of_limits_is_a_sentence_in_the_readers_language(flaw):
    sentence = why_no_limits(LimitsRefused(flaw))
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    with another_language():
        assert left_english(why_no_limits(LimitsRefused(flaw))) == []
