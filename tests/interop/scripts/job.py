"""What every Python driver script shares: the job it is given and the facts it prints, both JSON."""

import json
import ssl
import sys

TEXT = "SELECT 40 + 2 AS sum, 'Grüße' AS text, NULL AS nothing"
GREETING = "Grüße"


def run(driver):
    """Runs the driver on the job in the first argument. A refused connection is an answer, too."""
    job = json.loads(sys.argv[1])
    try:
        facts = driver(job)
    except Exception as error:  # noqa: BLE001 - whatever a driver throws is the answer
        facts = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(facts))


def big_value(job):
    """A large value whose every part tells where it belongs."""
    alphabet = b"abcdefghijklmnopqrstuvwxyz"
    return (alphabet * (job["big"] // len(alphabet) + 1))[: job["big"]]


def as_text(row):
    """A row as text, so that drivers of any typing compare."""
    def text(value):
        if value is None:
            return None
        if isinstance(value, (bytes, bytearray)):
            return value.decode()
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return str(value)

    return [text(value) for value in row]


def as_bytes(value):
    """A large value as bytes, whichever type the driver gave it."""
    return value.encode() if isinstance(value, str) else bytes(value)


def load_file(job, facts, query):
    """Whether the file of LOAD DATA LOCAL was taken. The connection goes on where it was refused."""
    if not job.get("infile"):
        return
    try:
        query(job["infile"])
        facts["infile"] = "loaded"
    except Exception:  # noqa: BLE001 - each driver has errors of its own
        facts["infile"] = "refused"


def ssl_context(tls):
    """Verifies the server's chain and name, in the one version asked for."""
    context = ssl.create_default_context(cafile=tls["ca"])
    if tls.get("cert"):
        context.load_cert_chain(tls["cert"], tls["key"])
    if tls.get("version"):
        version = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}[tls["version"]]
        context.minimum_version = context.maximum_version = version
    return context
