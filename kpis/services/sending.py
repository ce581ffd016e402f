"""Files that people send in for a source: kept in pieces, and of older ones only that they were sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from kpiplatform.accounts.models import User
from kpis.models import DataSource, SourceUpload, SourceUploadPart

MIB = 1024 * 1024
NAME_AT_MOST = 200


class TooLarge(ValueError):
    """The file is larger than a source may be; the sentence says by how much. Nothing was kept of it."""


def send_file(
    *, source: DataSource, name: str, size: int, pieces: Iterable[bytes], by: User, now: datetime
) -> SourceUpload:
    """Keep a file as the newest of its source; the same file sent twice is kept once. Raises TooLarge."""
    most = settings.KPI_SOURCE_MAX_MB
    if size > most * MIB:
        words = {"name": name[:60], "size": size // MIB, "most": most}
        raise TooLarge(_("%(name)s has %(size)d MiB, a source at most %(most)d MiB. Nothing was kept of it.") % words)
    digest = sha256()
    with transaction.atomic():
        DataSource.objects.select_for_update(no_key=True).get(pk=source.pk)
        newest = source.uploads.first()
        sent = SourceUpload.objects.create(
            source=source, name=name[-NAME_AT_MOST:], size=size, sha256="", uploaded_at=now, uploaded_by=by
        )
        for seq, piece in enumerate(pieces):
            digest.update(piece)
            SourceUploadPart.objects.create(upload=sent, seq=seq, content=piece)
        if newest is not None and newest.sha256 == digest.hexdigest():
            sent.delete()
            return newest
        sent.sha256 = digest.hexdigest()
        sent.save(update_fields=["sha256"])
        SourceUploadPart.objects.filter(upload__source=source).exclude(upload=sent).delete()
    return sent
