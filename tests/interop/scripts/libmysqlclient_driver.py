"""libmysqlclient itself, with the options that mysql-connector-python's C extension does not pass on: the library is linked into it."""

import ctypes
import pathlib
import tempfile

import _mysql_connector
from job import TEXT, big_value, run

# Of mysql.h, in which these never change.
READ_DEFAULT_FILE = 4
TLS_VERSION = 34
SSL_MODE = 35
COMPRESSION_ALGORITHMS = 41
ZSTD_COMPRESSION_LEVEL = 42
DISABLED, VERIFY_IDENTITY = 1, 5


def driver(job):
    library = ctypes.CDLL(_mysql_connector.__file__)
    for name in ("mysql_init", "mysql_real_connect", "mysql_store_result"):
        getattr(library, name).restype = ctypes.c_void_p
    library.mysql_error.restype = ctypes.c_char_p
    library.mysql_change_user.restype = ctypes.c_bool
    library.mysql_fetch_row.restype = ctypes.POINTER(ctypes.c_void_p)
    library.mysql_fetch_lengths.restype = ctypes.POINTER(ctypes.c_ulong)
    handle = ctypes.c_void_p(library.mysql_init(None))
    tls = job["tls"] or {}
    options = {
        "default-character-set": "utf8mb4",
        "plugin-dir": pathlib.Path(_mysql_connector.__file__).parent / "mysql/vendor/plugin",
        "max-allowed-packet": 64 << 20,
        "ssl-ca": tls.get("ca"),
        "ssl-cert": tls.get("cert"),
        "ssl-key": tls.get("key"),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as file:
        file.write("[client]\n" + "".join(f"{name}={value}\n" for name, value in options.items() if value))
        file.flush()
        library.mysql_options(handle, READ_DEFAULT_FILE, file.name.encode())
        mode = ctypes.c_uint(VERIFY_IDENTITY if tls else DISABLED)
        library.mysql_options(handle, SSL_MODE, ctypes.byref(mode))
        if tls:
            library.mysql_options(handle, TLS_VERSION, tls["version"].encode())
        library.mysql_options(handle, COMPRESSION_ALGORITHMS, (job["compress"] or "uncompressed").encode())
        library.mysql_options(handle, ZSTD_COMPRESSION_LEVEL, ctypes.byref(ctypes.c_uint(7)))
        texts = [job["host"], job["user"], job["password"], job["database"]]
        texts = [text if text is None else text.encode() for text in texts]
        connected = library.mysql_real_connect(handle, *texts, ctypes.c_uint(job["port"]), None, ctypes.c_ulong(0))
    if not connected:
        raise RuntimeError(library.mysql_error(handle).decode())

    def row(sql):
        sql = sql.encode()
        if library.mysql_real_query(handle, sql, ctypes.c_ulong(len(sql))):
            raise RuntimeError(library.mysql_error(handle).decode())
        result = ctypes.c_void_p(library.mysql_store_result(handle))
        if not result:
            raise RuntimeError(library.mysql_error(handle).decode())
        fields = library.mysql_num_fields(result)
        values, lengths = library.mysql_fetch_row(result), library.mysql_fetch_lengths(result)
        read = [
            None if values[index] is None else ctypes.string_at(values[index], lengths[index]).decode()
            for index in range(fields)
        ]
        library.mysql_free_result(result)
        return read

    big = big_value(job).decode()
    facts = {
        "driver": "libmysqlclient",
        "ssl_cipher": row("SHOW STATUS LIKE 'Ssl_cipher'")[1],
        "ssl_version": row("SHOW STATUS LIKE 'Ssl_version'")[1],
        "user": row("SELECT CURRENT_USER()")[0],
        "database": row("SELECT DATABASE()")[0],
        "text": row(TEXT),
        "prepared": None,
        "big_up": int(row(f"SELECT LENGTH('{big}')")[0]),
        "big_intact": row(f"SELECT '{big}'")[0] == big,
    }
    if job["compress"]:
        facts["compression"] = row("SHOW STATUS LIKE 'Compression'")[1]
    texts = [job[name] if job[name] is None else job[name].encode() for name in ("other_user", "other_password", "database")]
    if library.mysql_change_user(handle, *texts):
        raise RuntimeError(library.mysql_error(handle).decode())
    facts["changed_user"] = row("SELECT CURRENT_USER()")[0]
    facts["changed_cipher"] = row("SHOW STATUS LIKE 'Ssl_cipher'")[1]
    library.mysql_close(handle)
    return facts


run(driver)
