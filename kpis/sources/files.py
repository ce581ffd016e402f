"""The bytes of a file, wherever it comes from. Never more than a source may have."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Place, SourceError, path_inside

THE_FILE = Sentence(_("The file"))


def shown_name(settings: Mapping[str, Any]) -> str | Sentence:
    """Return what a sentence calls the file."""
    if settings["origin"] == "folder":
        return settings["path"]
    if settings["origin"] == "url":
        return PurePosixPath(urlsplit(settings["url"]).path).name or THE_FILE
    return THE_FILE


def open_file(settings: Mapping[str, Any], place: Place) -> BinaryIO:
    """Return the bytes of the file as a stream; SourceError if there is none or it is too large."""
    if settings["origin"] == "url":
        from kpis.sources.http import Client, headers_of  # only who asks a server waits for its library

        answer = Client(place=place, headers=headers_of(settings)).get(settings["url"], size=place.limits.size)
        return io.BufferedReader(answer)
    if settings["origin"] == "upload":
        if place.sent is None:
            raise SourceError(Sentence(_("No file was sent in yet.")))
        path = place.sent
    else:
        path = path_inside(place.folder, settings["path"])
    try:
        if path.stat().st_size > place.limits.size:
            parts = {"file": shown_name(settings), "most": place.limits.size // 1024**2}
            raise SourceError(Sentence(_("%(file)s has more than %(most)s MiB."), parts))
        return path.open("rb")
    except OSError as error:
        parts = {"file": shown_name(settings), "why": str(error.strerror)}
        raise SourceError(Sentence(_("%(file)s could not be read: %(why)s."), parts)) from None
