"""Asking web servers, through the way out: each hop is checked, and what comes back is bounded."""

from __future__ import annotations

import io
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    NewConnectionError,
    ProtocolError,
    SSLError,
    TimeoutError,
)

from kpis.domain.sentences import Sentence
from kpis.domain.sentences import gettext_noop as _
from kpis.sources.base import Place, SourceError
from kpis.sources.egress import SECONDS_TO_CONNECT, SILENT, Egress

REDIRECTS_AT_MOST = 3
REDIRECTS = {301, 302, 303, 307, 308}
PIECE = 64 * 1024
TOO_LONG = _("%(host)s took too long to answer.")
PAGES_BEGIN = (b"<!doctype html", b"<html", b"<head", b"<body")
BUSY = {429, 503}
WAITS_AT_MOST = 3
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What a header can carry: Latin-1 without control characters.
HEADER_TEXT = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
LINK = re.compile(r"<([^<>]*)>([^<]*)")
LEADS_ON = re.compile(r";\s*rel\s*=\s*\"?[^\";]*\bnext\b", re.IGNORECASE)


def headers_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request as the settings of a source say, with what it signs in with."""
    headers = {"User-Agent": "kpi-platform", **settings["headers"]}
    if settings["auth"] == "basic":
        login = b64encode(f"{settings['user']}:{settings['password']}".encode()).decode()
        headers["Authorization"] = f"Basic {login}"
    elif settings["auth"] == "token":
        name = settings["token_header"] or "Authorization"
        headers[name] = settings["token"] if settings["token_header"] else f"Bearer {settings['token']}"
    for name, text in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_TEXT.fullmatch(text):
            # Its text may be the token.
            says = _("The header %(name)s of the source has a character that no header can have: copy it once more.")
            raise SourceError(Sentence(says, {"name": name[:40]}))
    return headers


class Answer(io.RawIOBase):
    """The body of an answer as a stream that never gives more bytes or takes more time than it may."""

    def __init__(self, response: urllib3.BaseHTTPResponse, url: str, *, size: int, deadline: float) -> None:
        self.url, self._response = url, response
        self._left, self._size, self._deadline = size, size, deadline
        self._ahead = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._ahead:
            self._ahead = self._piece()
        count = min(len(buffer), len(self._ahead))
        buffer[:count] = self._ahead[:count]
        self._ahead = self._ahead[count:]
        return count

    @property
    def following(self) -> str | None:
        """The address of the next page, where the header “Link” holds one."""
        links = LINK.findall(self._response.headers.get("Link", ""))
        return next((target for target, told in links if LEADS_ON.search(told)), None)

    @property
    def charset(self) -> str:
        """What the header says that the text is written in, UTF-8 where it says nothing."""
        told = Message()
        told["Content-Type"] = self._response.headers.get("Content-Type", "")
        return told.get_content_charset() or "utf-8"

    def refuse_pages(self) -> None:
        """Refuse a page for people; servers send one in place of data when one has to sign in."""
        self._ahead = self._piece()
        begins = self._ahead.removeprefix(b"\xef\xbb\xbf").lstrip()[:20].lower()
        if begins.startswith(PAGES_BEGIN) or "text/html" in self._response.headers.get("Content-Type", "").lower():
            says = _("%(host)s answered with a web page instead of data, perhaps one to sign in on. Nothing was taken.")
            raise SourceError(Sentence(says, {"host": _shown(self.url)}))

    def _piece(self) -> bytes:
        if time.monotonic() > self._deadline:
            raise SourceError(Sentence(TOO_LONG, {"host": _shown(self.url)}))
        try:
            piece = self._response.read1(PIECE)
        except TimeoutError:
            says = _("%(host)s stopped answering in the middle.")
            raise SourceError(Sentence(says, {"host": _shown(self.url)})) from None
        except (IncompleteRead, ProtocolError):
            says = _("The answer of %(host)s broke off before its end.")
            raise SourceError(Sentence(says, {"host": _shown(self.url)})) from None
        except HTTPError as error:
            says = _("The answer of %(host)s can't be read (%(kind)s).")
            raise SourceError(Sentence(says, {"host": _shown(self.url), "kind": type(error).__name__})) from None
        self._left -= len(piece)
        if self._left < 0:
            says = _("The answer of %(host)s has more than %(most)s MiB.")
            raise SourceError(Sentence(says, {"host": _shown(self.url), "most": self._size // 1024**2}))
        return piece


@dataclass(kw_only=True)
class Client:
    """Asks with the same headers again and again; `size` is what all answers together may have."""

    place: Place
    headers: Mapping[str, str]
    deadline: float = 0.0
    egress: Egress = field(init=False)

    def __post_init__(self) -> None:
        self.egress = Egress(self.place.allow)
        self.deadline = time.monotonic() + self.place.limits.seconds

    def get(self, url: str, *, size: int) -> Answer:
        """Return the answer to a GET; up to three redirects are followed, each checked like the first address."""
        origin, headers = _origin(url), dict(self.headers)
        for _hop in range(REDIRECTS_AT_MOST + 1):
            response = self._ask_patiently(url, headers)
            if response.status in REDIRECTS and "Location" in response.headers:
                target = urljoin(url, response.headers["Location"])
                response.close()
                if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                    says = _("%(host)s redirects away from https, which is not followed.")
                    raise SourceError(Sentence(says, {"host": _shown(url)}))
                if _origin(target) != origin:
                    # What we sign in with is for the server we were told of.
                    headers = {"User-Agent": headers["User-Agent"]}
                url = target
                continue
            if response.status in {401, 403}:
                says = _("%(host)s refused the request (status %(status)s): check what the source signs in with.")
                raise SourceError(Sentence(says, {"host": _shown(url), "status": str(response.status)}))
            if response.status == 429:
                says = _("%(host)s is asked too often for it (status 429). Wait a while, or pull less often.")
                raise SourceError(Sentence(says, {"host": _shown(url)}))
            if response.status != 200:
                says = _("%(host)s answered with status %(status)s.")
                raise SourceError(Sentence(says, {"host": _shown(url), "status": str(response.status)}))
            answer = Answer(response, url, size=size, deadline=self.deadline)
            answer.refuse_pages()
            return answer
        says = _("%(host)s redirects more than %(most)s times.")
        raise SourceError(Sentence(says, {"host": _shown(url), "most": REDIRECTS_AT_MOST}))

    def _ask_patiently(self, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Ask again when a busy server says after how many seconds, as long as there is time for it."""
        for _wait in range(WAITS_AT_MOST):
            response = self._ask(url, headers)
            after = response.headers.get("Retry-After", "") if response.status in BUSY else ""
            if not re.fullmatch("[0-9]{1,4}", after) or time.monotonic() + int(after) >= self.deadline:
                return response
            response.close()
            time.sleep(int(after))
        return self._ask(url, headers)

    def _ask(self, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        _scheme, host, port = _origin(url)
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise SourceError(Sentence(TOO_LONG, {"host": _shown(url)}))
        timeout = urllib3.Timeout(connect=min(SECONDS_TO_CONNECT, left), read=left)
        for address in self.egress.addresses_of(host, port):
            try:
                return self._ask_at(address, url, headers, timeout)
            except (NewConnectionError, ConnectTimeoutError):
                continue
            except SSLError:
                says = _("The certificate of %(host)s is not valid for it, so nothing was sent.")
                raise SourceError(Sentence(says, {"host": host})) from None
            except TimeoutError:
                raise SourceError(Sentence(_("%(host)s did not answer in time."), {"host": host})) from None
            except (HTTPError, OSError):
                raise SourceError(Sentence(_("%(host)s broke the connection off."), {"host": host})) from None
        raise SourceError(Sentence(SILENT, {"host": host, "port": str(port)}))

    def _ask_at(
        self, address: str, url: str, headers: Mapping[str, str], timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        scheme, host, port = _origin(url)
        parts = urlsplit(url)
        pool = (
            urllib3.HTTPSConnectionPool(
                address, port, server_hostname=host, assert_hostname=host, cert_reqs="CERT_REQUIRED"
            )
            if scheme == "https"
            else urllib3.HTTPConnectionPool(address, port)
        )
        return pool.urlopen(
            "GET",
            (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers={**headers, "Host": parts.netloc, "Accept-Encoding": "gzip, deflate"},
            redirect=False,
            retries=False,
            timeout=timeout,
            preload_content=False,
        )


def _origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port; an address that names anything but a web server is refused."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SourceError(Sentence(_("The address of the source is not valid."))) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        says = _("The address of a source begins with https:// or http:// and names a host.")
        raise SourceError(Sentence(says))
    if parts.username is not None or parts.password is not None:
        says = _("The address of a source holds no name and password: they have settings of their own.")
        raise SourceError(Sentence(says))
    return parts.scheme, parts.hostname, port or {"https": 443, "http": 80}[parts.scheme]


def _shown(url: str) -> str | Sentence:
    """Return the host of an address; its path and query may hold keys."""
    return urlsplit(url).hostname or Sentence(_("The server"))
