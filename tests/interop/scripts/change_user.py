"""COM_CHANGE_USER from account to account by a C library, libmariadb or libmysqlclient, over one connection."""

import ctypes
import pathlib
import tempfile

from job import run

# Of mysql.h, in which it never changes.
READ_DEFAULT_FILE = 4
# Of libmysqlclient's mysql.h: libmariadb has TLS where a CA is named, and none where not.
SSL_MODE = 35
DISABLED, VERIFY_CA = 1, 4


def load(job):
    """The library, and the options that it needs besides TLS."""
    if job["library"] == "libmariadb":
        return ctypes.CDLL("libmariadb.so.3"), {}
    # The library is linked into it.
    import _mysql_connector

    plugins = pathlib.Path(_mysql_connector.__file__).parent / "mysql/vendor/plugin"
    return ctypes.CDLL(_mysql_connector.__file__), {"plugin-dir": plugins}


def driver(job):
    library, options = load(job)
    for name in ("mysql_init", "mysql_real_connect", "mysql_store_result"):
        getattr(library, name).restype = ctypes.c_void_p
    library.mysql_error.restype = ctypes.c_char_p
    library.mysql_change_user.restype = ctypes.c_bool
    library.mysql_fetch_row.restype = ctypes.POINTER(ctypes.c_char_p)
    handle = ctypes.c_void_p(library.mysql_init(None))
    lines = [f"{name}={value}\n" for name, value in options.items()]
    if job["ca"]:
        lines.append(f"ssl-ca={job['ca']}\n")
        if job["library"] == "libmariadb":
            lines.append("ssl-verify-server-cert\n")
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as file:
        file.write("[client]\n" + "".join(lines))
        file.flush()
        library.mysql_options(handle, READ_DEFAULT_FILE, file.name.encode())
        if job["library"] == "libmysqlclient":
            mode = ctypes.c_uint(VERIFY_CA if job["ca"] else DISABLED)
            library.mysql_options(handle, SSL_MODE, ctypes.byref(mode))
        password = job["password"].encode()
        user = job["users"][0].encode()
        connected = library.mysql_real_connect(
            handle, b"127.0.0.1", user, password, None, ctypes.c_uint(job["port"]), None, ctypes.c_ulong(0)
        )
    if not connected:
        raise RuntimeError(library.mysql_error(handle).decode())

    def last(sql):
        if library.mysql_query(handle, sql):
            raise RuntimeError(library.mysql_error(handle).decode())
        result = ctypes.c_void_p(library.mysql_store_result(handle))
        value = library.mysql_fetch_row(result)[library.mysql_num_fields(result) - 1].decode()
        library.mysql_free_result(result)
        return value

    seen = [last(b"SELECT CURRENT_USER()")]
    for user in job["users"][1:]:
        if library.mysql_change_user(handle, user.encode(), password, None):
            raise RuntimeError(f"{user}: {library.mysql_error(handle).decode()}")
        seen.append(last(b"SELECT CURRENT_USER()"))
    cipher = last(b"SHOW STATUS LIKE 'Ssl_cipher'")
    library.mysql_close(handle)
    return {"users": seen, "encrypted": cipher != ""}


run(driver)
