"""The demo's mail server keeps what it accepts."""

from __future__ import annotations

import email
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.running.starting import CHECKOUT, eventually, free_port


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    folder, port = tmp_path / "mailbox", free_port()
    command = [sys.executable, "-m", "kpiplatform.mailbox_sink", "--port", str(port), str(folder)]
    process = subprocess.Popen(command, cwd=CHECKOUT)
    eventually(lambda: answers(port), seconds=30, what="a greeting by SMTP")
    yield folder, port
    process.terminate()
    assert process.wait(10) == 0


def answers(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=5):
            return True
    except OSError:
        return False


def test_each_recipient_gets_a_file_that_is_the_message_as_it_came(mailbox: tuple[Path, int]) -> None:
    folder, port = mailbox
    message = EmailMessage()
    message["Subject"], message["Message-ID"] = "Delay at JFK — off track", "<1@kpi.example.org>"
    message.set_content("Mean delay 21 min, red flag 18 min.\n.\nA line that is only a dot is above.\n")
    message.add_alternative("<p>Mean delay 21 min</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
        client.send_message(message, "kpi@example.org", ["rosa@example.com", "ines@example.com"])
    kept = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in sorted(folder.iterdir())
    ]
    assert [found["Delivered-To"] for found in kept] == ["rosa@example.com", "ines@example.com"]
    for found in kept:
        assert found["Return-Path"] == "<kpi@example.org>"
        assert found["Subject"] == "Delay at JFK — off track"
        assert found["Message-ID"] == "<1@kpi.example.org>"
        lines = found.get_body(("plain",)).get_content().splitlines()
        assert lines == ["Mean delay 21 min, red flag 18 min.", ".", "A line that is only a dot is above."]


def test_names_of_files_sort_by_arrival(mailbox: tuple[Path, int]) -> None:
    folder, port = mailbox
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
        for number in range(3):
            client.sendmail("a@example.org", ["b@example.org"], f"Subject: {number}\r\n\r\n")
    subjects = [email.message_from_bytes(path.read_bytes())["Subject"] for path in sorted(folder.iterdir())]
    assert subjects == ["0", "1", "2"]
