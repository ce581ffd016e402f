"""Web services and files at web addresses: what is read, who is told what, and what is refused."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kpis.sources.base import Kind, SourceError, SourceRows, Window
from kpis.sources.http import Client
from tests.kpis.reading import a_place, read_here
from tests.kpis.web_server import HERE, Answer, serving

COLUMNS = frozenset({("minutes", Kind.NUMBER), ("airport", Kind.TEXT)})
WINDOW = Window(since=date(2026, 11, 1), until=date(2026, 11, 22))
ROWS = [{"day": f"2026-11-{day:02d}", "airport": "JFK", "minutes": day} for day in range(1, 26)]
CSV = "day,airport,minutes\n" + "".join(f"2026-11-{day:02d},JFK,{day}\n" for day in range(1, 26))


def as_json(value: Any) -> Answer:
    return Answer(json.dumps(value).encode(), headers={"Content-Type": "application/json"})


def fetch(url: str, kind: str = "http_json", *, secrets: Any = None, limits: Any = None, **config: Any) -> SourceRows:
    config = {"url": url, "date_column": "day", **config}
    if kind == "csv_file":
        config["origin"] = "url"
    place = a_place(Path("/nowhere"), allow=HERE, **(limits or {}))
    return read_here(kind, config, place, window=WINDOW, wanted=COLUMNS, secrets=secrets)


def refused(url: str, kind: str = "http_json", **how: Any) -> str:
    with pytest.raises(SourceError) as error:
        fetch(url, kind, **how)
    return str(error.value)


def test_a_list_of_objects_is_read_and_the_days_stand_in_the_address() -> None:
    with serving(lambda path: as_json(ROWS)) as server:
        rows = fetch(f"{server.url}/flights?from={{since}}&to={{until}}")
    assert len(rows) == 21
    assert rows.column("minutes").sum() == sum(range(1, 22))
    assert [path for path, _ in server.asked] == ["/flights?from=2026-11-01&to=2026-11-22"]


def test_rows_lie_deeper_and_nested_fields_are_columns() -> None:
    nested = [{"day": "2026-11-20T23:30:00-05:00", "flight": {"from": {"airport": "LGA"}}, "minutes": 1.5}]
    steps = [{"do": "rename", "column": "flight.from.airport", "to": "airport"}]
    with serving(lambda path: as_json({"data": {"items": nested}, "total": 1})) as server:
        rows = fetch(server.url, rows_at="data.items", steps=steps)
    # A moment with a zone is of the day it is in the zone of the organisation.
    assert rows.days.tolist() == [date(2026, 11, 21)]
    assert (rows.column("airport").tolist(), rows.column("minutes").tolist()) == (["LGA"], [1.5])


def test_an_answer_is_read_as_its_header_says_that_it_is_written() -> None:
    written = json.dumps([{"day": "2026-11-19", "airport": "Köln", "minutes": 1}], ensure_ascii=False).encode("latin-1")
    told = {"Content-Type": "application/json; charset=ISO-8859-1"}
    with serving(lambda _: Answer(written, headers=told)) as server:
        assert fetch(server.url).column("airport").tolist() == ["Köln"]
    for headers, charset in (({}, "UTF-8"), ({"Content-Type": 'application/json; charset="klingon"'}, "KLINGON")):
        with serving(lambda _, headers=headers: Answer(written, headers=headers)) as server:
            assert refused(server.url) == f"The answer is not written in {charset}, as it should be."


@pytest.mark.parametrize(("path", "name"), [("orders.items", "orders"), ("items", "above")])
def test_lists_inside_of_rows_are_rows_with_what_holds_them_beside(path: str, name: str) -> None:
    orders = [
        {"day": "2026-11-19", "from": {"airport": "LGA"}, "tags": [1], "items": [{"minutes": 1}, {"minutes": 2}]},
        {"day": "2026-11-20", "from": {"airport": "JFK"}, "items": []},
        {"day": "2026-11-20", "from": {"airport": "JFK"}, "items": None},
        {"day": "2026-11-20", "from": {"airport": "EWR"}, "items": [{"minutes": 3, "airport": "no"}]},
    ]
    steps = [{"do": "rename", "column": f"{name}.from.airport", "to": "airport"}]
    steps = [{"do": "rename", "column": "airport", "to": "other"}, *steps]
    with serving(lambda _: as_json({"orders": orders} if "." in path else orders)) as server:
        rows = fetch(server.url, rows_at=path, date_column=f"{name}.day", steps=steps)
    assert rows.days.tolist() == [date(2026, 11, 19)] * 2 + [date(2026, 11, 20)]
    assert (rows.column("airport").tolist(), rows.column("minutes").tolist()) == (["LGA", "LGA", "EWR"], [1, 2, 3])


def pages(how: str) -> Any:
    """Three pages of the rows, as a service with that kind of paging gives them."""
    parts = [ROWS[:10], ROWS[10:20], ROWS[20:], []]

    def answer(path: str) -> Answer:
        number = int(path.rpartition("=")[2]) if "=" in path else 0
        number -= 1 if how == "number" else 0
        following = str(number + 1) if number < 2 else None
        if how == "link":
            following = following and f"/flights?page={following}"
        return as_json({"rows": parts[number], "next": following})

    return answer


@pytest.mark.parametrize(
    ("paging", "config", "asked"),
    [
        ("link", {"next_at": "next"}, ["/flights", "/flights?page=1", "/flights?page=2"]),
        ("cursor", {"next_at": "next", "page_parameter": "c"}, ["/flights", "/flights?c=1", "/flights?c=2"]),
        ("number", {}, ["/flights?page=1", "/flights?page=2", "/flights?page=3", "/flights?page=4"]),
    ],
)
def test_further_pages_are_asked_for_until_the_last_one(paging: str, config: Any, asked: list[str]) -> None:
    with serving(pages(paging)) as server:
        rows = fetch(f"{server.url}/flights", rows_at="rows", paging=paging, **config)
    assert (len(rows), [path for path, _ in server.asked]) == (21, asked)


def by_offset(path: str) -> Answer:
    first = int(path.rpartition("=")[2])
    return as_json(ROWS[first : first + 10])


def by_header(path: str) -> Answer:
    number = int(path.rpartition("=")[2]) if "=" in path else 1
    parts = {1: ROWS[:10], 2: ROWS[10:20], 3: ROWS[20:]}
    links = [f'</flights?page={number - 1}>; rel="prev"', f'</flights?page={number + 1}>; rel="next"']
    return Answer(json.dumps(parts[number]).encode(), headers={"Link": ", ".join(links[: 2 if number < 3 else 1])})


@pytest.mark.parametrize(
    ("answer", "config", "asked"),
    [
        (by_offset, {"paging": "offset", "page_parameter": "from"}, ["?from=0", "?from=10", "?from=20", "?from=25"]),
        (by_header, {"paging": "header"}, ["", "?page=2", "?page=3"]),
    ],
)
def test_pages_by_counted_rows_and_by_the_link_header_are_read_to_the_last(
    answer: Any, config: Any, asked: list[str]
) -> None:
    with serving(answer) as server:
        rows = fetch(f"{server.url}/flights", **config)
    assert (len(rows), [path for path, _ in server.asked]) == (21, [f"/flights{tail}" for tail in asked])


def test_a_server_that_does_not_know_the_parameter_of_the_page_is_not_asked_for_ever() -> None:
    with serving(lambda path: as_json(ROWS)) as server:
        said = refused(server.url, paging="number", page_parameter="seite")
    assert said.startswith("The second page has the same rows as the first: “seite” may not be what pages are counted")
    assert len(server.asked) == 2


def test_the_last_page_given_again_for_every_later_one_is_read_once() -> None:
    parts = [ROWS[:10], ROWS[10:20], ROWS[20:]]
    with serving(lambda path: as_json(parts[min(int(path.rpartition("=")[2]), 3) - 1])) as server:
        assert fetch(server.url, paging="number").column("minutes").sum() == sum(range(1, 22))
    assert len(server.asked) == 4


def busy(times: int, **answer: Any) -> Any:
    left = iter([Answer(**answer)] * times)
    return lambda path: next(left, as_json(ROWS))


def test_a_busy_server_is_asked_again_after_the_seconds_it_names_while_there_is_time() -> None:
    with serving(busy(2, status=429, headers={"Retry-After": "0"})) as server:
        assert len(fetch(server.url)) == 21
    assert len(server.asked) == 3
    says = "127.0.0.1 is asked too often for it (status 429). Wait a while, or pull less often."
    for after in ({}, {"Retry-After": "3600"}, {"Retry-After": "Sat, 28 Nov 2026 12:00:00 GMT"}):
        with serving(busy(9, status=429, headers=after)) as server:
            assert refused(server.url) == says
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("config", "secrets", "name"),
    [
        ({"auth": "token"}, {"token": "copied…"}, "Authorization"),
        ({"auth": "token"}, {"token": "two\nlines"}, "Authorization"),
        ({"headers": {"X-Tenant": "Köln→"}}, {}, "X-Tenant"),
        ({"headers": {"X Ténant": "north"}}, {}, "X Ténant"),
    ],
)
def test_what_no_header_can_carry_is_refused_before_anything_is_sent(config: Any, secrets: Any, name: str) -> None:
    with serving(lambda path: as_json(ROWS)) as server:
        said = refused(server.url, secrets=secrets, **config)
    assert said == f"The header {name} of the source has a character that no header can have: copy it once more."
    assert server.asked == []


@pytest.mark.parametrize(
    ("config", "secrets", "sent"),
    [
        ({"auth": "basic", "user": "amara"}, {"password": "s3cret"}, ("Authorization", "Basic YW1hcmE6czNjcmV0")),
        ({"auth": "token"}, {"token": "t0ken"}, ("Authorization", "Bearer t0ken")),
        ({"auth": "token", "token_header": "X-Api-Key"}, {"token": "t0ken"}, ("X-Api-Key", "t0ken")),
        ({"headers": {"X-Tenant": "north"}}, {}, ("X-Tenant", "north")),
    ],
)
def test_the_server_is_told_who_asks(config: dict[str, Any], secrets: dict[str, str], sent: tuple[str, str]) -> None:
    with serving(lambda path: as_json(ROWS)) as server:
        fetch(server.url, secrets=secrets, **config)
    name, value = sent
    assert server.asked[0][1][name] == value


@pytest.mark.parametrize("kind", ["http_json", "csv_file"])
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(b"<!DOCTYPE html><title>Sign in</title>"), "127.0.0.1 answered with a web page instead of data"),
        (Answer(b"day", headers={"Content-Type": "text/html; charset=utf-8"}), "127.0.0.1 answered with a web page"),
        (Answer(b"no", status=401), "127.0.0.1 refused the request (status 401): check what the source signs in with."),
        (Answer(b"no", status=503), "127.0.0.1 answered with status 503."),
        (Answer(CSV.encode(), length=9999), "The answer of 127.0.0.1 broke off before its end."),
    ],
)
def test_what_is_no_data_is_refused_with_a_sentence(kind: str, answer: Answer, why: str) -> None:
    with serving(lambda path: answer) as server:
        assert refused(server.url, kind).startswith(why)


def test_a_csv_file_is_read_from_its_address() -> None:
    with serving(lambda path: Answer(CSV.encode(), headers={"Content-Type": "text/csv"})) as server:
        assert len(fetch(f"{server.url}/export/flights.csv", "csv_file")) == 21


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"[{", "The answer is no JSON, or only a part of it."),
        (b"[NaN]", "The answer is no JSON, or only a part of it."),
        (b'{"items": []}', "There is no list of rows in the answer. The answer has: items"),
        (b"7", "There is no list of rows in the answer. It is a single value."),
        (b'[{"day": "2026-11-20", "airport": "JFK"}]', "The answer has no column minutes. It has: day, airport"),
    ],
)
def test_json_that_is_not_what_was_agreed_is_refused_whole(answer: bytes, why: str) -> None:
    with serving(lambda path: Answer(answer)) as server:
        assert refused(server.url) == why


@pytest.mark.parametrize(
    ("answer", "path", "why"),
    [
        ({"data": {"items": ROWS, "total": 25}}, "data.rows", "data has: items, total"),
        ({"data": {"items": ROWS}}, "rows", "The answer has: data"),
        (ROWS, "items", "The answer is the list: leave the path empty."),
        ({"sites": ROWS}, "sites.days", "There is one at sites."),
        ({"data": 7}, "data.items", "It is a single value."),
    ],
)
def test_a_path_that_leads_to_no_rows_is_answered_with_what_is_there(answer: Any, path: str, why: str) -> None:
    with serving(lambda _: as_json(answer)) as server:
        assert refused(server.url, rows_at=path) == f"There is no list of rows at {path}. {why}"


def test_a_server_that_hangs_or_drips_is_left_after_the_time_it_has() -> None:
    with serving(lambda path: Answer(CSV.encode(), slow=0.05)) as server:
        assert refused(server.url, "csv_file", limits={"seconds": 0.2}) == "127.0.0.1 took too long to answer."
    with serving(lambda path: Answer(CSV.encode(), slow=10)) as server:
        said = refused(server.url, "csv_file", limits={"seconds": 0.2})
    assert said == "127.0.0.1 stopped answering in the middle."


def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    with serving(lambda path: Answer(CSV.encode() * 5000)) as server:
        said = refused(server.url, "csv_file", limits={"size": 1024**2})
    assert said == "The answer of 127.0.0.1 has more than 1 MiB."


def test_an_answer_that_unpacks_to_more_than_allowed_is_not_unpacked_to_its_end() -> None:
    packed = gzip.compress(CSV.encode() * 20_000)
    with serving(lambda path: Answer(packed, headers={"Content-Encoding": "gzip"})) as server:
        said = refused(server.url, "csv_file", limits={"size": 1024**2})
    assert said == "The answer of 127.0.0.1 has more than 1 MiB."


def redirecting(*targets: str) -> Any:
    def answer(path: str) -> Answer:
        step = int(path.strip("/") or 0)
        if step < len(targets):
            return Answer(status=302, headers={"Location": targets[step]})
        return as_json(ROWS)

    return answer


def test_redirects_are_followed_three_times_and_not_more() -> None:
    with serving(redirecting("/1", "/2", "/3")) as server:
        assert len(fetch(server.url)) == 21
    with serving(redirecting("/1", "/2", "/3", "/4")) as server:
        assert refused(server.url) == "127.0.0.1 redirects more than 3 times."


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "169.254.169.254 leads to an address inside of our own network"),
        ("http://127.1.2.3/", "127.1.2.3 leads to an address inside of our own network"),
        ("http://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1 leads to an address inside"),
        ("file:///etc/passwd", "The address of a source begins with https:// or http://"),
        ("gopher://127.0.0.1/", "The address of a source begins with https:// or http://"),
        ("http://user:pass@127.0.0.1/", "The address of a source holds no name and password"),
    ],
)
def test_a_redirect_inward_is_not_followed(target: str, why: str) -> None:
    with serving(redirecting(target)) as server:
        assert refused(server.url).startswith(why)


def test_what_a_source_signs_in_with_is_not_sent_to_another_server() -> None:
    with serving(lambda path: as_json(ROWS)) as other, serving(redirecting(f"{other.url}/9")) as server:
        fetch(server.url, auth="token", secrets={"token": "t0ken"})
    assert "Authorization" in server.asked[0][1]
    assert "Authorization" not in other.asked[0][1]


def test_the_next_page_may_not_lie_on_another_server() -> None:
    following = {"rows": ROWS, "next": "http://example.org/flights"}
    with serving(lambda path: as_json(following)) as server:
        said = refused(server.url, rows_at="rows", paging="link", next_at="next")
    assert said == "The next page of the answer is on another server, which is not followed."


def test_an_encrypted_address_never_leads_to_a_plain_one(monkeypatch: Any) -> None:
    moved = SimpleNamespace(status=301, headers={"Location": "http://example.org/"}, close=lambda: None)
    monkeypatch.setattr(Client, "_ask", lambda self, url, headers: moved)
    with pytest.raises(SourceError, match=r"^example\.org redirects away from https, which is not followed\.$"):
        Client(place=a_place(Path("/nowhere")), headers={"User-Agent": "kpi"}).get("https://example.org", size=1)


def test_no_address_on_this_machine_is_asked_unless_the_installation_allows_it() -> None:
    config = {"date_column": "day"}
    with serving(lambda path: as_json(ROWS)) as server:
        config["url"] = server.url
        with pytest.raises(SourceError, match="inside of our own network"):
            read_here("http_json", config, Path("/nowhere"), window=WINDOW, wanted=COLUMNS)
    assert server.asked == []


def a_certificate(folder: Path, name: str) -> Path:
    """Key and certificate of a name that nobody vouches for, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path = folder / f"{name}.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    return path


@pytest.mark.parametrize(
    ("certified", "trusted"), [("data.example.org", True), ("other.example.org", True), ("data.example.org", False)]
)
def test_the_checked_address_is_connected_to_and_the_name_stays_in_tls_and_host(
    tmp_path: Path, monkeypatch: Any, certified: str, trusted: bool
) -> None:
    path = a_certificate(tmp_path, certified)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path)
    names: list[str] = []
    tls.sni_callback = lambda connection, name, context: names.append(name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    found = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, port, *_, **__: [(*found, ("127.0.0.1", port))])
    with serving(lambda path: as_json(ROWS), tls=tls) as server:
        url = f"https://data.example.org:{server.url.rpartition(':')[2]}/"
        if trusted and certified == "data.example.org":
            assert len(fetch(url)) == 21
            assert server.asked[0][1]["Host"] == url.split("/")[2]
        else:
            assert refused(url) == "The certificate of data.example.org is not valid for it, so nothing was sent."
            assert server.asked == []
    assert names == ["data.example.org"]
