"""TLS and SOCKS on the way to an Electrum server: pins, renewals, strangers in between."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.hostile.electrum import ALICE, Excessive, Hang, Truth, serving, story

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script
from erario.chain import electrum_session, electrum_wire
from erario.chain.access import Access
from erario.chain.certificate_pins import CertificatePins, fingerprint_of
from erario.chain.ending import Ending
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.source import Progress
from erario.chain.sources import open_source
from erario.chain.state_folder import StateFolder
from erario.errors import RequestError, SourceError

_STORY = story()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(electrum_session, "PAUSES", (0.0,))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two self-signed certificates of 127.0.0.1, each with its key."""
    folder = tmp_path_factory.mktemp("certificates")
    return make(folder, "one"), make(folder, "other")


def make(folder: Path, name: str) -> Path:
    key, path = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", path,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    path.write_bytes(key.read_bytes() + path.read_bytes())
    return path


def fingerprint(path: Path) -> str:
    pem = path.read_text()
    return fingerprint_of(ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") :]))


def quiet(_: Progress) -> None:
    """Nobody looks."""


def tip_of(port: int, state: Path | None, *, scheme: str = "electrum+ssl", **access: object) -> int:
    given = Access(timeout=5.0, **access)  # type: ignore[arg-type]
    url = f"{scheme}://127.0.0.1:{port}"
    source = open_source(url, NetworkName.REGTEST, state=state, access=given)
    try:
        return source.chain(quiet).tip
    finally:
        source.close()


def test_a_certificate_is_pinned_when_it_is_first_seen(
    certificates: tuple[Path, Path], tmp_path: Path
) -> None:
    with serving(Truth(_STORY), certificate=certificates[0]) as port:
        assert tip_of(port, tmp_path) == 9
        pins = tmp_path / "certificates.txt"
        assert pins.read_text() == f"127.0.0.1:{port} {fingerprint(certificates[0])}\n"
        assert pins.stat().st_mode & 0o777 == 0o600
        assert tip_of(port, tmp_path) == 9


def test_another_certificate_is_refused_with_both_fingerprints(
    certificates: tuple[Path, Path], tmp_path: Path
) -> None:
    with serving(Truth(_STORY), certificate=certificates[0]) as port:
        tip_of(port, tmp_path)
    known = (tmp_path / "certificates.txt").read_text()
    with (
        serving(Truth(_STORY), certificate=certificates[1], port=port),
        pytest.raises(SourceError) as caught,
    ):
        tip_of(port, tmp_path)
    assert caught.value.code == ServerCode.CERTIFICATE
    for path in certificates:
        assert fingerprint(path) in caught.value.what
    assert "certificates.txt" in caught.value.remedy
    assert (tmp_path / "certificates.txt").read_text() == known


def test_a_renewed_certificate_is_taken_if_an_authority_signed_it(
    certificates: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Truth(_STORY), certificate=certificates[0]) as port:
        tip_of(port, tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificates[1]))
    monkeypatch.setattr(electrum_wire.ssl, "create_default_context", lambda: trusting)
    with serving(Truth(_STORY), certificate=certificates[1], port=port):
        assert tip_of(port, tmp_path) == 9
    assert fingerprint(certificates[1]) in (tmp_path / "certificates.txt").read_text()


def test_without_a_state_folder_each_time_is_the_first(certificates: tuple[Path, Path]) -> None:
    for path in certificates:
        with serving(Truth(_STORY), certificate=path) as port:
            assert tip_of(port, None) == 9


def test_without_a_state_folder_a_certificate_is_remembered_all_the_same(
    certificates: tuple[Path, Path],
) -> None:
    """Within a run nobody else can take the server's place."""
    access = Access(timeout=5.0)
    with serving(Truth(_STORY), certificate=certificates[0]) as port:
        url = f"electrum+ssl://127.0.0.1:{port}"
        source = open_source(url, NetworkName.REGTEST, access=access)
        assert source.chain(quiet).tip == 9
        source._server._session._hang_up()  # type: ignore[attr-defined]
    with (
        serving(Truth(_STORY), certificate=certificates[1], port=port),
        pytest.raises(SourceError) as caught,
    ):
        source.trace([Script(ALICE)], Height(9), quiet)
    source.close()
    assert caught.value.code == ServerCode.CERTIFICATE
    assert "certificates.txt" not in caught.value.remedy


def test_tls_where_there_is_none(tmp_path: Path) -> None:
    with serving(Truth(_STORY)) as port, pytest.raises(SourceError) as caught:
        tip_of(port, tmp_path)
    assert caught.value.code in {ServerCode.UNREACHABLE, ServerCode.TIMEOUT}
    assert "electrum://" in caught.value.remedy


def test_pins_that_cannot_be_written_are_told_and_block_nothing(
    certificates: tuple[Path, Path], tmp_path: Path
) -> None:
    base = tmp_path / "base"
    base.write_text("a file where the folder should be")
    state = StateFolder(base, NetworkName.REGTEST)
    CertificatePins(state).pin("host:1", "ab" * 32)
    assert [trouble.code for trouble in state.troubles] == ["store.not-written"]


def test_pins_that_cannot_be_written_hold_for_the_run(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.write_text("a file where the folder should be")
    pins = CertificatePins(StateFolder(base, NetworkName.REGTEST))
    pins.pin("host:1", "ab" * 32)
    assert pins.known("host:1") == "ab" * 32


def test_lines_that_nobody_wrote_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "certificates.txt"
    path.write_bytes(b"\xff\xfe\nhost:1 short\nhost:2 " + b"ab" * 32 + b"\n\n")
    pins = CertificatePins(StateFolder(tmp_path, NetworkName.REGTEST))
    assert pins.known("host:1") is None
    assert pins.known("host:2") == "ab" * 32
    pins.pin("host:1", "cd" * 32)
    assert path.read_text() == f"host:1 {'cd' * 32}\nhost:2 {'ab' * 32}\n"


# SOCKS ------------------------------------------------------------------------------------------


@contextmanager
def socks_proxy(target: int) -> Iterator[tuple[int, list[str]]]:
    """A SOCKS 5 proxy that leads every name to `target`, and the names that it was asked for."""
    names: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(client,), daemon=True).start()

    def answer(client: socket.socket) -> None:
        with client, client.makefile("rb") as stream:
            _, methods = stream.read(2)
            stream.read(methods)
            client.sendall(b"\x05\x00")
            kind = stream.read(4)[3]
            assert kind in {1, 3}
            names.append(
                stream.read(stream.read(1)[0]).decode()
                if kind == 3
                else socket.inet_ntoa(stream.read(4))
            )
            stream.read(2)
            with socket.create_connection(("127.0.0.1", target)) as server:
                client.sendall(b"\x05\x00\x00\x01" + bytes(6))
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)
                back.join(5)

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], names
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def test_a_proxy_resolves_the_name() -> None:
    with serving(Truth(_STORY)) as port, socks_proxy(port) as (proxy, names):
        access = Access(proxy=f"socks5h://127.0.0.1:{proxy}", timeout=5.0)
        url = "electrum://reserve.example:50001"
        source = open_source(url, NetworkName.REGTEST, access=access)
        source.chain(quiet)
        assert source.trace([Script(ALICE)], Height(9), quiet).blocks
        source.close()
    assert set(names) == {"reserve.example"}


def test_a_proxy_that_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    with pytest.raises(SourceError) as caught:
        tip_of(1, tmp_path, scheme="electrum", proxy=f"socks5h://127.0.0.1:{free}")
    assert caught.value.code == ServerCode.UNREACHABLE


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:1", "socks5h://me:secret@host:1", "socks5h://"]
)
def test_a_proxy_that_is_none(proxy: str) -> None:
    with pytest.raises(RequestError) as caught:
        tip_of(1, None, scheme="electrum", proxy=proxy)
    assert caught.value.code == ChainCode.ACCESS_BAD
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["electrum", "electrum+ssl"])
def test_closing_ends_a_question_that_is_under_way(
    scheme: str, certificates: tuple[Path, Path]
) -> None:
    """Whichever thread asks it; and nothing is asked any more, on no new connection."""
    hanging = Hang(_STORY)
    with serving(hanging, certificate=certificates[0] if "ssl" in scheme else None) as port:
        url = f"{scheme}://127.0.0.1:{port}"
        source = open_source(url, NetworkName.REGTEST, access=Access(timeout=500.0))
        tip = source.chain(quiet).tip
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(source.trace, [Script(ALICE)], tip, quiet)
            assert hanging.is_asked.wait(30)
            source.close()
            with pytest.raises(SourceError) as caught:
                asked.result(30)
        assert caught.value.code == ServerCode.CLOSED
        before = len(hanging.asked)
        for ask in (source.tip, lambda: source.trace([Script(ALICE)], tip, quiet)):  # type: ignore[attr-defined]
            with pytest.raises(SourceError) as caught:
                ask()
            assert caught.value.code == ServerCode.CLOSED
        assert len(hanging.asked) == before
        assert hanging.asked.count("server.version") == 1


def test_closing_ends_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(electrum_session, "PAUSES", (500.0,))
    monkeypatch.setattr(electrum_session, "LIMIT_PAUSE", 500.0)
    paused = threading.Event()
    real = Ending.pause
    monkeypatch.setattr(
        Ending, "pause", lambda self, seconds: (paused.set(), real(self, seconds))[1]
    )
    with serving(Excessive(_STORY, 2)) as port:
        url = f"electrum://127.0.0.1:{port}"
        source = open_source(url, NetworkName.REGTEST, access=Access(timeout=5.0))
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(source.chain, quiet)
            assert paused.wait(30)
            source.close()
            with pytest.raises(SourceError) as caught:
                asked.result(30)
    assert caught.value.code == ServerCode.CLOSED
