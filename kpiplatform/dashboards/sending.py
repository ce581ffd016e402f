"""Keeping a spreadsheet that somebody sends, until it is decided what becomes of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import file_digest

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpiplatform.accounts.models import User
from kpiplatform.dashboards.models import SentFile
from kpiplatform.sent_files.reading import SIZE_AT_MOST, FileRefused, sheets_of, stored

KEPT_FOR = timedelta(days=7)  # a file that nobody decided about


class SendForm(forms.Form):
    """A spreadsheet; sent by a browser, read apart from us."""

    file = forms.FileField(label=gettext_lazy("Spreadsheet"), allow_empty_file=False)

    def __init__(self, *args: object, accept: str = ".xlsx,.csv") -> None:
        super().__init__(*args, auto_id="send-%s")  # type: ignore[misc]
        self.fields["file"].widget.attrs["accept"] = accept
        self.fields["file"].help_text = _("At most %(size)d MB.") % {"size": SIZE_AT_MOST // 1024**2}


def keep_sent(*, file: UploadedFile, purpose: str, author: User, now: datetime) -> SentFile:
    """Keep the cells of the file; the same file of a person is kept once until it is done. Raises FileRefused."""
    assert file.name is not None
    if file.size and file.size > SIZE_AT_MOST:
        raise FileRefused(_("The file is larger than %(size)d MB. Split it.") % {"size": SIZE_AT_MOST // 1024**2})
    fingerprint = file_digest(file.file, "sha256").hexdigest()  # type: ignore[arg-type]
    present = SentFile.objects.filter(author=author, purpose=purpose, sha256=fingerprint, done_at=None).first()
    if present is not None:
        return present
    file.seek(0)
    sheets = sheets_of(file.file, file.name)  # type: ignore[arg-type]
    SentFile.objects.filter(author=author, done_at=None, sent_at__lt=now - KEPT_FOR).delete()
    kept, _is_new = SentFile.objects.get_or_create(
        author=author,
        purpose=purpose,
        sha256=fingerprint,
        done_at=None,
        defaults={"name": file.name[-120:], "sheets": stored(sheets), "sent_at": now},
    )
    return kept
