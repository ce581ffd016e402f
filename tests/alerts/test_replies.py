"""Why a mail was not sent, in the language of who reads it."""

import pytest

from alerts.replies import MARKS, reply_in_words
from kpiplatform.accounts.replies import reply_in_words as said
from kpiplatform.accounts.services.inviting import NO_ANSWER
from tests.another_language import another_language, left_english, wide

REASONS = ["the subscription has ended", "the recipient may not see this KPI", "it ended before it was told"]


@pytest.mark.parametrize("reason", [*REASONS, *(f"{mark}550 5.1.1" for mark in MARKS), "superseded by 12"])
def test_our_own_words_about_a_mail_are_in_the_language_of_the_reader(reason):
    with another_language():
        assert left_english(reply_in_words(reason)) == []


def test_several_marks_stand_before_what_the_server_said():
    reply = "".join([*MARKS[:2], "535 5.7.8"])
    assert reply_in_words(reply) == "perhaps accepted before; sign-in refused: 535 5.7.8"
    with another_language():
        assert reply_in_words(reply) == wide("perhaps accepted before; sign-in refused: 535 5.7.8")
    assert reply_in_words("") == ""


def test_an_invitation_says_why_it_was_not_sent():
    with another_language():
        assert left_english(said(f"{NO_ANSWER}[Errno 111]", marks=[NO_ANSWER])) == []
