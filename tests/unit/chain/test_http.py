"""HTTP over a real server on loopback that misbehaves in every way."""

# ruff: noqa: SIM117 - a client within its server reads better so

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hostile.http import HttpServer, Question, Reply, Transport, make_certificate

from erario.chain import http, http_wire
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.http import HttpClient
from erario.errors import RequestError, SourceError

BODY = b'{"answer": 42}'
MOST = 1000


def truth(_question: Question) -> Reply:
    return Reply(BODY)


@contextmanager
def client(
    base: str, *, proxy: str | None = None, timeout: float = 30, connections: int = 8
) -> Iterator[tuple[HttpClient, list[float]]]:
    """A client, and the seconds that it would have waited."""
    waited: list[float] = []
    one = HttpClient(
        base, name="example.org", proxy=proxy, timeout=timeout, connections=connections,
        pause=waited.append,
    )  # fmt: skip
    try:
        yield one, waited
    finally:
        one.close()


def refusal(server: HttpServer, **options: object) -> SourceError:
    with client(server.url, **options) as (one, _), pytest.raises(SourceError) as caught:  # type: ignore[arg-type]
        one.get("/secret-path", most=MOST)
    assert caught.value.remedy
    assert caught.value.what.startswith("example.org ")
    assert "secret-path" not in str(caught.value)
    return caught.value


def test_an_answer_as_it_is() -> None:
    with HttpServer(truth) as server, client(server.url + "/api/") as (one, waited):
        got = one.get("/tip", most=MOST)
        assert (got.status, got.body) == (200, BODY)
        assert got.headers["content-length"] == str(len(BODY))
        posted = one.post("/", b"question", most=MOST, headers={"Authorization": "Basic eDp5"})
        assert posted.body == BODY
    asked, told = server.questions
    assert (asked.method, asked.path, asked.body) == ("GET", "/api/tip", b"")
    assert asked.headers["accept-encoding"] == "identity"
    assert "cookie" not in asked.headers
    assert (told.method, told.path, told.body) == ("POST", "/api/", b"question")
    assert told.headers["authorization"] == "Basic eDp5"
    assert waited == []


@pytest.mark.parametrize("status", [400, 404, 500])
def test_errors_of_the_application_are_given_back(status: int) -> None:
    # Longer than what was expected: error pages are.
    with HttpServer(lambda _: Reply(b"x" * 5000, status)) as server:
        with client(server.url) as (one, _):
            got = one.get("/", most=10)
    assert (got.status, got.body) == (status, b"x" * 5000)


def test_no_more_than_asked() -> None:
    with HttpServer(lambda _: Reply(b"x" * MOST)) as server, client(server.url) as (one, _):
        assert len(one.get("/", most=MOST).body) == MOST
        with pytest.raises(SourceError) as caught:
            one.get("/", most=MOST - 1)
        assert caught.value.code == ServerCode.TOO_LARGE
        assert one.get("/", most=0x20000).body == b"x" * MOST


def test_no_cookie_is_kept() -> None:
    with HttpServer(lambda _: Reply(b"", headers={"Set-Cookie": "who=you"})) as server:
        with client(server.url) as (one, _):
            one.get("/", most=MOST)
            one.get("/", most=MOST)
    assert [q.headers.get("cookie") for q in server.questions] == [None, None]


EXPECTED = {
    Transport.HANG: ServerCode.TIMEOUT,
    Transport.HANG_IN_BODY: ServerCode.TIMEOUT,
    Transport.DRIP_STATUS: ServerCode.TIMEOUT,
    Transport.DRIP_BODY: ServerCode.TIMEOUT,
    Transport.DRIP_CHUNKS: ServerCode.TIMEOUT,
    Transport.GIGABYTES: ServerCode.TOO_LARGE,
    Transport.GIGABYTES_CHUNKED: ServerCode.TOO_LARGE,
    Transport.GIGABYTES_UNTOLD: ServerCode.TOO_LARGE,
    Transport.GIGABYTES_OF_HEADERS: ServerCode.GARBAGE,
    Transport.GIGABYTES_OF_FRAME: ServerCode.GARBAGE,
    Transport.GIGABYTES_NEGATIVE: ServerCode.TOO_LARGE,
    Transport.BOMB: ServerCode.TOO_LARGE,
    Transport.PACKED_OTHERWISE: ServerCode.GARBAGE,
    Transport.GARBAGE: ServerCode.GARBAGE,
    Transport.CUT: ServerCode.UNREACHABLE,
    Transport.CUT_IN_BODY: ServerCode.UNREACHABLE,
    Transport.REDIRECT: ServerCode.REDIRECT,
    Transport.CREDENTIALS: ServerCode.CREDENTIALS,
    Transport.FORBIDDEN: ServerCode.CREDENTIALS,
    Transport.TOO_MANY: ServerCode.RATE_LIMITED,
    Transport.TOO_MANY_FOR_AGES: ServerCode.RATE_LIMITED,
    Transport.UNAVAILABLE: ServerCode.RATE_LIMITED,
}


def patience(lie: Transport) -> float:
    """Seconds: few only where they are waited for."""
    return 0.5 if EXPECTED[lie] == ServerCode.TIMEOUT else 30


@pytest.mark.parametrize("lie", EXPECTED, ids=str)
def test_each_lie_of_transport(lie: Transport) -> None:
    with HttpServer(truth, lie) as server:
        assert refusal(server, timeout=patience(lie)).code == EXPECTED[lie]
        assert all(question.path != server.elsewhere for question in server.questions)


def test_every_lie_is_tried() -> None:
    # These two are for whoever reads the body.
    assert set(Transport) - set(EXPECTED) == {Transport.GARBAGE_BODY, Transport.DEEP_JSON}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_credentials_follow_no_redirect(status: int) -> None:
    with HttpServer(truth) as other:
        where = {"Location": f"{other.url}/"}
        with HttpServer(lambda _: Reply(b"", status, where)) as server:
            with client(server.url) as (one, _), pytest.raises(SourceError) as caught:
                one.post("/", b"", most=MOST, headers={"Authorization": "Basic eDp5"})
        assert caught.value.code == ServerCode.REDIRECT
        assert other.questions == []


def test_what_broke_is_asked_again() -> None:
    tries = iter((Transport.CUT, Transport.CUT_IN_BODY, None))

    def next_try(_question: Question) -> bool:
        server.lie = next(tries)
        return server.lie is not None

    with HttpServer(truth, Transport.CUT, when=next_try) as server:
        with client(server.url) as (one, waited):
            assert one.get("/", most=MOST).body == BODY
    assert len(server.questions) == 3
    assert len(waited) == 2
    assert waited[0] < waited[1]


def test_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with client(base) as (one, waited), pytest.raises(SourceError) as caught:
            one.get("/", most=MOST)
    assert caught.value.code == ServerCode.UNREACHABLE
    assert len(waited) == http.TRIES - 1


def limited(times: int, headers: dict[str, str], status: int = 429) -> HttpServer:
    """A server that asks for patience so many times."""
    left = iter([Reply(b"", status, headers)] * times)
    return HttpServer(lambda _: next(left, Reply(BODY)))


def test_patience_without_a_time() -> None:
    with limited(3, {}) as server, client(server.url) as (one, waited):
        assert one.get("/", most=MOST).body == BODY
    assert len(waited) == 3
    assert waited == sorted(waited)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_patience_in_seconds(status: int) -> None:
    with limited(1, {"Retry-After": "7"}, status) as server, client(server.url) as (one, waited):
        assert one.get("/", most=MOST).body == BODY
    assert len(waited) == 1
    assert 6 < waited[0] <= 7


def test_patience_until_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    with limited(1, {"Retry-After": later}) as server, client(server.url) as (one, waited):
        assert one.get("/", most=MOST).body == BODY
    assert len(waited) == 1
    assert 20 < waited[0] <= 30


@pytest.mark.parametrize(
    "past", ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00"]
)
def test_patience_that_is_over(past: str) -> None:
    with limited(1, {"Retry-After": past}) as server, client(server.url) as (one, waited):
        assert one.get("/", most=MOST).body == BODY
    assert waited == []


@pytest.mark.parametrize(
    "nonsense", ["soon", "-5", "1e3", "٧", "Wed, 99 Oct 2015", "9" * 5000], ids=range(6)
)
def test_patience_by_nonsense(nonsense: str) -> None:
    assert http._retry_after(nonsense) in (None, float("9" * 40))


@pytest.mark.parametrize(
    "date",
    [
        "1 Jan 2020 00:00:00 +99999999999999999999",
        "1 Jan 0001 00:00:00 +2300",
        "Mon, 31 Feb 2020 00:00:00 GMT",
        "1 Jan 2020 00:00:00 +9999",
        "1 Jan 2020 99999999999999:00:00",
    ],
)
def test_patience_by_dates_that_cannot_be(date: str) -> None:
    with limited(1, {"Retry-After": date}) as server, client(server.url) as (one, _):
        assert one.get("/", most=MOST).body == BODY


@given(
    st.text(alphabet=sorted(set("0123456789+-:, JanFebMonTueGMTUTC()\t")), max_size=40)
    | st.from_regex(r"\d{1,2} (Jan|Feb|Dec) \d{1,6} \d{1,9}:\d\d:\d\d [+-]\d{4,20}", fullmatch=True)
)
def test_patience_by_any_words(text: str) -> None:
    wait = http._retry_after(text)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    "ages",
    ["61", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "31 Dec 9999 23:59:59 -2300"],
)
def test_no_patience_for_ages(ages: str) -> None:
    with limited(1, {"Retry-After": ages}) as server:
        assert refusal(server).code == ServerCode.RATE_LIMITED
    assert len(server.questions) == 1


def test_fewer_at_once_when_asked_for_patience() -> None:
    """Half as many after each time; those that were refused together count once."""
    gate = threading.Barrier(4)
    refused = {"/together": 4, "/again": 1}

    def answer(question: Question) -> Reply:
        if question.path == "/together" and refused["/together"] > 0:
            gate.wait(30)
        with lock:
            refused[question.path] = left = refused.get(question.path, 0) - 1
        return Reply(b"", 429) if left >= 0 else Reply(BODY)

    lock = threading.Lock()
    with HttpServer(answer) as server, client(server.url, connections=4, timeout=30) as (one, _):

        def ask(path: str, times: int) -> int:
            server.most_under_way = 0
            threads = [
                threading.Thread(target=one.get, args=(path,), kwargs={"most": MOST})
                for _ in range(times)
            ]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            return server.most_under_way

        assert ask("/together", 4) == 4
        assert one._lanes._most == 2
        assert ask("/", 8) <= 2
        assert ask("/again", 1) == 1
        assert ask("/", 8) == 1


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity", ""])
def test_a_packed_answer_within_bounds(coding: str) -> None:
    packed = {"gzip": gzip.compress(BODY), "deflate": zlib.compress(BODY)}.get(coding, BODY)
    with HttpServer(lambda _: Reply(packed, headers={"Content-Encoding": coding})) as server:
        with client(server.url) as (one, _):
            assert one.get("/", most=MOST).body == BODY


@pytest.mark.parametrize(
    "packed",
    # The same bytes at any time: two workers must collect the same tests.
    [b"", b"nonsense", gzip.compress(BODY, mtime=0)[:-3], gzip.compress(BODY, mtime=0) * 2],
    ids=["empty", "nonsense", "cut", "twice"],
)
def test_a_packed_answer_that_is_damaged(packed: bytes) -> None:
    with HttpServer(lambda _: Reply(packed, headers={"Content-Encoding": "gzip"})) as server:
        assert refusal(server).code == ServerCode.GARBAGE


def test_a_slow_answer_that_keeps_coming_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_wire, "SLOWEST", 5)
    with HttpServer(truth, Transport.DRIP_BODY) as server:
        with client(server.url, timeout=0.2) as (one, _), pytest.raises(SourceError) as caught:
            one.get("/", most=20)
    # It came too slowly for the whole time, but not for the bytes allowed.
    assert caught.value.code == ServerCode.TOO_LARGE


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


def test_tls(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(certificates, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with HttpServer(truth, certificate=certificate) as server, client(server.url) as (one, _):
        assert one.get("/", most=MOST).body == BODY


def test_tls_that_nobody_trusts(certificates: Path) -> None:
    with HttpServer(truth, certificate=make_certificate(certificates, "127.0.0.1")) as server:
        assert refusal(server).code == ServerCode.CERTIFICATE
        assert server.questions == []


def test_tls_of_somebody_else(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(certificates, "elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with HttpServer(truth, certificate=certificate) as server:
        assert refusal(server).code == ServerCode.CERTIFICATE
        assert server.questions == []


def test_no_tls_where_there_should_be() -> None:
    with HttpServer(truth) as server:
        with client(f"https://127.0.0.1:{server.port}") as (one, _):
            with pytest.raises(SourceError) as caught:
                one.get("/", most=MOST)
    assert caught.value.code in (ServerCode.GARBAGE, ServerCode.UNREACHABLE)


@pytest.mark.parametrize("lie", [Transport.CUT_IN_BODY, Transport.GIGABYTES, Transport.DRIP_BODY])
def test_lies_within_tls(
    lie: Transport, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(certificates, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with HttpServer(truth, lie, certificate=certificate) as server:
        assert refusal(server, timeout=patience(lie)).code == EXPECTED[lie]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9050", "http://127.0.0.1:1", "nonsense"])
def test_proxies_that_tell_names(proxy: str) -> None:
    with pytest.raises(RequestError) as caught:
        HttpClient("http://example.org", name="example.org", proxy=proxy, timeout=1)
    assert caught.value.code == ChainCode.ACCESS_BAD


@pytest.mark.parametrize("base", ["http://exa mple", "http://[::1", "ftp://example.org", "http://"])
def test_addresses_that_are_none(base: str) -> None:
    with pytest.raises(RequestError) as caught:
        HttpClient(base, name="it", proxy=None, timeout=1).get("/", most=1)
    assert caught.value.code == ChainCode.URL_BAD


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with HttpServer(truth) as server, client(server.url) as (one, _):
        assert one.get("/", most=MOST).body == BODY


# Closed while it is asked -----------------------------------------------------------------------


def asked_and_closed(one: HttpClient, until: threading.Event) -> SourceError:
    """What becomes of a question that is under way when somebody else closes the client."""
    failed: list[SourceError] = []

    def ask() -> None:
        with pytest.raises(SourceError) as caught:
            one.get("/", most=MOST)
        failed.append(caught.value)

    thread = threading.Thread(target=ask)
    thread.start()
    assert until.wait(30)
    one.close()
    thread.join(30)
    assert not thread.is_alive()
    return failed[0]


@pytest.mark.parametrize("lie", [Transport.HANG, Transport.HANG_IN_BODY, Transport.DRIP_BODY])
@pytest.mark.parametrize("tls", [False, True])
def test_closing_ends_what_is_under_way(
    lie: Transport, tls: bool, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(certificates, "127.0.0.1") if tls else None
    if certificate is not None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    under_way = threading.Event()
    with HttpServer(
        truth, lie, when=lambda _: under_way.set() or True, certificate=certificate
    ) as server:
        one = HttpClient(server.url, name="example.org", proxy=None, timeout=500)
        assert asked_and_closed(one, under_way).code == ServerCode.CLOSED
    assert len(server.questions) == 1


def test_closing_wakes_whoever_waits_for_a_lane() -> None:
    under_way = threading.Event()
    with HttpServer(truth, Transport.HANG, when=lambda _: under_way.set() or True) as server:
        one = HttpClient(server.url, name="it", proxy=None, timeout=500, connections=1)
        with ThreadPoolExecutor(3) as pool:
            others = [pool.submit(one.get, "/", most=MOST) for _ in range(3)]
            assert asked_and_closed(one, under_way).code == ServerCode.CLOSED
            for each in others:
                with pytest.raises(SourceError):
                    each.result(30)
    assert len(server.questions) == 1


def test_closing_ends_a_pause() -> None:
    paused = threading.Event()

    def later(_question: Question) -> Reply:
        paused.set()
        return Reply(b"", 503, {"Retry-After": "59"})

    with HttpServer(later) as server:
        one = HttpClient(server.url, name="it", proxy=None, timeout=500)
        assert asked_and_closed(one, paused).code == ServerCode.CLOSED


def test_nothing_is_asked_of_what_is_closed() -> None:
    with HttpServer(truth) as server:
        one = HttpClient(server.url, name="example.org", proxy=None, timeout=30)
        one.get("/", most=MOST)
        connection = one._pool.pool.get()
        one._pool.pool.put(connection)
        one.close()
        assert connection.sock is None
        with pytest.raises(SourceError) as caught:
            one.get("/", most=MOST)
        one.close()
    assert caught.value.code == ServerCode.CLOSED
    assert "example.org" in caught.value.what
    assert len(server.questions) == 1
