"""A TLS peer that bends one message of the handshake at a time, as client or as server, on tlslite-ng.

    hostile_tls.py client PORT FOLDER              against the server at that port
    hostile_tls.py server FOLDER COMMAND...        against the client that COMMAND runs; {port} in it is where to call

FOLDER has ca.pem, server-cert.pem, server-key.pem, client-cert.pem, client-key.pem, stranger-cert.pem, stranger-key.pem.
Prints a JSON object a case: what was bent, the alert that came, how the connection ended, what the client printed.
"""

import concurrent.futures
import json
import pathlib
import socket
import subprocess
import sys

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.constants import AlertDescription, AlertLevel, ContentType, HandshakeType
from tlslite.errors import TLSAbruptCloseError, TLSLocalAlert, TLSRemoteAlert
from tlslite.messages import Alert, ApplicationData, ClientHello, Message

PATIENCE = 30
VERSIONS = {"TLSv1.2": (3, 3), "TLSv1.3": (3, 4)}
FLOOD = 100

CLIENT = {
    "TLSv1.2": ["client_hello", "certificate", "client_key_exchange", "certificate_verify", "finished"],
    "TLSv1.3": ["client_hello", "certificate", "certificate_verify", "finished"],
}
SERVER = {
    "TLSv1.2": ["server_hello", "certificate", "server_key_exchange", "server_hello_done", "finished"],
    "TLSv1.3": ["server_hello", "encrypted_extensions", "certificate", "certificate_verify", "finished"],
}
BENDS = ["truncated", "longer", "oversized", "doubled", "out of order", "left out", "false", "behind data", "behind warnings",
         "behind an error", "replaced by goodbye", "replaced by the end"]

GREETING = (b"\x0a8.4.0-rogue\0\x01\0\0\0abcdefgh\0\x05\xaa\x2d\x02\0\x08\0\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0"
            b"caching_sha2_password\0")
SSL_REQUEST = b"\x20\0\0\1\x05\xaa\x08\0\0\0\0\x01\x2d" + bytes(23)


class Stop(Exception):
    """Nothing more is to be said."""


class Bent(TLSConnection):
    """A connection that bends the first message of one type."""

    def __init__(self, sock, message, bend):
        super().__init__(sock)
        self.closeSocket = False
        self.message, self.bend, self.done = message, bend, message is None

    def _sendMsgThroughSocket(self, msg):
        parts = self.bent(msg) if msg.contentType == ContentType.handshake and not self.done else [msg]
        for part in parts:
            if part is Stop:
                self.sock.flush()
                self.sock.buffer_writes = False
                raise Stop()
            yield from super()._sendMsgThroughSocket(part)

    def bent(self, msg):
        data, parts = bytes(msg.write()), []
        while data:
            length = int.from_bytes(data[1:4], "big")
            kind, body, data = data[0], data[4:4 + length], data[4 + length:]
            if HandshakeType.toStr(kind) != self.message or self.done:
                parts.append(handshake(kind, body))
                continue
            self.done = True
            parts.extend(self.altered(kind, body))
        # One record for what goes together, as it would be without us.
        return joined(parts)

    def altered(self, kind, body):
        whole = handshake(kind, body)
        match self.bend:
            case "truncated":
                return [handshake(kind, body[:len(body) // 2] if body else b"\0")]
            case "longer":
                return [handshake(kind, body + b"\0\0\0")]
            case "oversized":
                return [Message(ContentType.handshake, bytearray([kind, 2, 0, 0]) + body), Stop]
            case "doubled":
                return [whole, whole]
            case "out of order":
                other = HandshakeType.finished if kind != HandshakeType.finished else HandshakeType.certificate
                return [handshake(other, body)]
            case "left out":
                return []
            case "false":
                return [handshake(kind, body[:-1] + bytes([body[-1] ^ 1]) if body else b"\1")]
            case "behind data":
                return [ApplicationData().create(bytearray(b"data")), whole]
            case "behind warnings":
                warning = Alert().create(AlertDescription.user_canceled, AlertLevel.warning)
                return [warning] * FLOOD + [whole]
            case "behind an error":
                return [Alert().create(AlertDescription.internal_error, AlertLevel.fatal), whole]
            case "replaced by goodbye":
                return [Alert().create(AlertDescription.close_notify, AlertLevel.warning), Stop]
            case "replaced by the end":
                return [Stop]
        raise ValueError(self.bend)


def handshake(kind, body):
    return Message(ContentType.handshake, bytearray([kind]) + len(body).to_bytes(3, "big") + body)


def joined(parts):
    out = []
    for part in parts:
        if out and isinstance(part, Message) and isinstance(out[-1], Message) \
                and part.contentType == out[-1].contentType == ContentType.handshake:
            out[-1] = Message(ContentType.handshake, bytearray(out[-1].write()) + bytearray(part.write()))
        else:
            out.append(part)
    return out


def settings_for(version):
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = VERSIONS.get(version, version)
    settings.versions = [settings.maxVersion]
    # So that every message is there: the certificate's, and no second ClientHello.
    settings.eccCurves = settings.keyShares = ["secp256r1"]
    settings.keyExchangeNames = ["ecdhe_ecdsa", "ecdhe_rsa"]
    return settings


def identity(folder, name):
    chain = X509CertChain()
    chain.parsePemList((folder / f"{name}-cert.pem").read_text())
    return chain, parsePEMKey((folder / f"{name}-key.pem").read_text(), private=True)


def packet(sock):
    head = exactly(sock, 4)
    return exactly(sock, int.from_bytes(head[:3], "little"))


def exactly(sock, length):
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            raise ConnectionError("the end")
        data += more
    return data


def outcome(sock, connection, play):
    """The alert that came, and how the connection ended."""
    try:
        alert = play()
    except TLSRemoteAlert as error:
        alert = AlertDescription.toStr(error.description)
    except TLSAbruptCloseError:
        alert = "nothing"
    except TLSLocalAlert as error:
        # What came was not for us to read.
        alert = f"unreadable ({AlertDescription.toStr(error.description)})"
    except Stop:
        if connection.bend == "replaced by the end" or connection.bend == "replaced by goodbye":
            sock.shutdown(socket.SHUT_WR)
        alert = heard(connection)
    except TimeoutError:
        return "nothing", "open"
    except (ConnectionResetError, BrokenPipeError):
        return "nothing", "reset"
    return alert, end_of(sock)


def heard(connection):
    """The alert that ends what still comes."""
    data = bytes(connection.sock._read_buffer)
    try:
        while more := connection.sock.socket.recv(65536):
            data += more
    except OSError:
        pass
    last = b""
    while data:
        length = 5 + int.from_bytes(data[3:5], "big")
        last, data = data[:length], data[length:]
    match last[:1], len(last) - 5:
        case (b"\x15", 2):
            return AlertDescription.toStr(last[-1])
        case (b"\x15", 18 | 26) | (b"\x17", 19):
            # The peer's keys may be others by now than ours, and the size says enough.
            return "a sealed alert"
    return "nothing"


def end_of(sock):
    try:
        while sock.recv(65536):
            pass
        return "closed"
    except TimeoutError:
        return "open"
    except OSError:
        return "reset"


def as_client(port, folder, version, message, bend):
    sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    packet(sock)
    sock.sendall(SSL_REQUEST)
    connection = Bent(sock, message, bend)
    chain, key = identity(folder, "stranger" if bend == "a stranger's" else "client")

    def play():
        connection.handshakeClientCert(chain, key, settings=settings_for(version))
        if bend == "renegotiation":
            hello = ClientHello().create((3, 3), bytearray(32), bytearray(), [0xc02b])
            for _ in connection._sendMsg(hello):
                pass
        # A login of one byte: whoever takes it for one is through the handshake.
        connection.write(b"\1\0\0\2\1")
        return "an answer" if connection.read(max=4) else "close_notify"

    result = outcome(sock, connection, play)
    sock.close()
    return result


def as_server(folder, command, version, message, bend):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)
    command = [word.replace("{port}", str(listener.getsockname()[1])) for word in command]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sock, _ = listener.accept()
    listener.close()
    sock.settimeout(PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(len(GREETING).to_bytes(3, "little") + b"\0" + GREETING)
    packet(sock)
    connection = Bent(sock, message, bend)
    chain, key = identity(folder, "stranger" if bend == "a stranger's" else "server")
    said = []

    def play():
        connection.handshakeServer(certChain=chain, privateKey=key, settings=settings_for(version))
        said.append(bytes(connection.read(max=4096)))
        return "a login" if said[0] else "close_notify"

    alert, end = outcome(sock, connection, play)
    sock.close()
    _, printed = program.communicate(timeout=PATIENCE)
    return alert, end, program.returncode, printed.strip(), sum(map(len, said))


def cases(messages):
    for version, names in messages.items():
        yield version, None, "nothing"
        yield version, None, "a stranger's"
        for message in names:
            for bend in BENDS:
                yield version, message, bend


def main(role, *rest):
    if role == "client":
        port, folder = int(rest[0]), pathlib.Path(rest[1])
        more = [("TLSv1.2", None, "renegotiation"), ((3, 1), None, "TLSv1.0"), ((3, 2), None, "TLSv1.1"), ((3, 0), None, "SSLv3")]
        at_once([*cases(CLIENT), *more], lambda case: as_client(port, folder, *case), ["alert", "end"])
    else:
        folder, command = pathlib.Path(rest[0]), list(rest[1:])
        names = ["alert", "end", "code", "printed", "said"]
        at_once(list(cases(SERVER)), lambda case: as_server(folder, command, *case), names)


def at_once(all_cases, play, names):
    """Plays several cases at a time, most of which wait; prints them in their order."""
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for (version, message, bend), came in zip(all_cases, pool.map(play, all_cases)):
            version = version if isinstance(version, str) else bend
            print(json.dumps({"version": version, "message": message or "", "bend": bend, **dict(zip(names, came))}))


main(*sys.argv[1:])
