"""The demo's mail server: takes every message by SMTP and keeps it as a file. Nothing leaves the machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """Keeps each accepted message as `<nanoseconds>-<recipient number>.eml`, so that names sort by arrival."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Answer 250 only once the message is on disk."""
        for number, recipient in enumerate(envelope.rcpt_tos):
            keep(self.folder, envelope.mail_from or "", recipient, number, envelope.original_content or b"")
        return "250 2.0.0 kept"


def keep(folder: Path, sender: str, recipient: str, number: int, content: bytes) -> Path:
    """Store one message for one recipient; a reader never sees half of it."""
    path = folder / f"{time.time_ns():020d}-{number}.eml"
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    return path


async def serve(folder: Path, listening: socket.socket) -> None:
    """Take mail until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    mailbox = Mailbox(folder)
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="localhost", enable_SMTPUTF8=True, loop=loop), sock=listening
    )
    await stopped.wait()
    server.close()


def main() -> None:
    """Serve a socket that the parent opened, or one of our own at --port."""
    parser = argparse.ArgumentParser(prog="python -m kpiplatform.mailbox_sink", description=__doc__)
    parser.add_argument("folder", type=Path)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="a listening socket handed over by the parent")
    where.add_argument("--port", type=int, help="a port of 127.0.0.1")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.fd is not None:
        listening = socket.socket(fileno=arguments.fd)
    else:
        listening = socket.create_server(("127.0.0.1", arguments.port))
    asyncio.run(serve(arguments.folder, listening))


if __name__ == "__main__":
    main()
