"""Files that people send in for a source: stored in the database, read by the next pull."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpis.models import DataSource, Pull, SourceUpload, SourceUploadPart
from kpis.services.pulling import request_pull

PART = 1024 * 1024
NAME_AT_MOST = 200


class UploadRefused(Exception):
    """The file is not taken; the message is a sentence for whoever sent it. Nothing was stored."""


def take_upload(*, source: DataSource, name: str, pieces: Iterable[bytes], by: User, now: datetime) -> Pull | None:
    """Store a file for a source and return the pull that will read it. Raises UploadRefused.

    A source that feeds no KPI yet is not pulled. The file before it is let go of: its name, size and
    hash stay. The same file again is not stored twice. Another one is not taken before it
    was read: it would take its place.
    """
    with transaction.atomic():
        DataSource.objects.select_for_update(no_key=True).get(pk=source.pk)
        before = source.uploads.first()
        upload = SourceUpload.objects.create(
            source=source, name=name[:NAME_AT_MOST], size=0, sha256="", uploaded_at=now, uploaded_by=by
        )
        digest, size = sha256(), 0
        for seq, part in enumerate(_parts(pieces)):
            size += len(part)
            if size > settings.KPI_UPLOAD_MAX_MB * PART:
                raise UploadRefused(
                    _("The file has more than %(size)s MiB. Nothing was stored.") % {"size": settings.KPI_UPLOAD_MAX_MB}
                )
            digest.update(part)
            SourceUploadPart.objects.create(upload=upload, seq=seq, content=part)
        if not size:
            raise UploadRefused(_("The file is empty. Nothing was stored."))
        if before is not None and before.sha256 == digest.hexdigest():
            upload.delete()
        else:
            if before is not None and _is_unread(source):
                says = _(
                    "“%(name)s” was sent before and is not read yet. Nothing was stored: send this file after that."
                )
                raise UploadRefused(says % {"name": before.name})
            upload.size, upload.sha256 = size, digest.hexdigest()
            upload.save(update_fields=["size", "sha256"])
            SourceUploadPart.objects.filter(upload__source=source).exclude(upload=upload).delete()
        return request_pull(source=source, now=now) if source.mappings.exists() else None


def _is_unread(source: DataSource) -> bool:
    """Return whether the newest file waits for its first reading, or is being read."""
    waits = Q(state=Pull.State.WAITING, attempts=0)
    return source.pulls.filter(waits | Q(state=Pull.State.RUNNING)).exists()


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut the pieces into parts of the same size."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= PART:
            yield bytes(held[:PART])
            del held[:PART]
    if held:
        yield bytes(held)
