"""mysql-connector-python: libmysqlclient through its C extension, or pure Python, as the job says."""

import mysql.connector
from job import GREETING, TEXT, as_bytes, as_text, big_value, load_file, run


def driver(job):
    tls = job.get("tls")
    options = {
        "host": job["host"],
        "port": job["port"],
        "user": job["user"],
        "password": job["password"],
        "database": job["database"],
        "use_pure": job["pure"],
        "charset": "utf8mb4",
        "collation": "utf8mb4_general_ci",
        "compress": bool(job["compress"]),
        "allow_local_infile": bool(job.get("infile")),
    }
    if options["database"] is None:
        del options["database"]
    if tls:
        options |= {"ssl_ca": tls["ca"], "ssl_verify_cert": True, "ssl_verify_identity": True}
        if tls.get("cert"):
            options |= {"ssl_cert": tls["cert"], "ssl_key": tls["key"]}
        if tls.get("version"):
            options["tls_versions"] = [tls["version"]]
    else:
        options["ssl_disabled"] = True
    connection = mysql.connector.connect(**options)

    def one(sql, arguments=None, **kind):
        cursor = connection.cursor(**kind)
        cursor.execute(sql, arguments or ())
        row = cursor.fetchone() if cursor.with_rows else None
        cursor.close()
        return row

    def status(name):
        return as_text(one(f"SHOW STATUS LIKE '{name}'"))[1]

    big = big_value(job)
    facts = {
        "driver": type(connection).__name__,
        "ssl_cipher": status("Ssl_cipher"),
        "ssl_version": status("Ssl_version"),
        "user": as_text(one("SELECT CURRENT_USER()"))[0],
        "database": as_text(one("SELECT DATABASE()"))[0],
        "text": as_text(one(TEXT)),
        "prepared": as_text(
            one("SELECT ? + 2 AS sum, ? AS text, ? AS nothing", (40, GREETING, None), prepared=True)
        ),
        "big_up": one("SELECT LENGTH(?)", (big,), prepared=True)[0],
    }
    if job["pure"]:
        # The pure driver can't read a binary row over 16 MiB from any server.
        facts["big_intact"] = as_bytes(one("SELECT %s", (big.decode(),))[0]) == big
    else:
        facts["big_intact"] = as_bytes(one("SELECT ?", (big,), prepared=True)[0]) == big
    if job["compress"]:
        facts["compression"] = status("Compression")
    load_file(job, facts, one)
    if job["compress"] and job["pure"]:
        # It refuses to where it compresses.
        facts |= {"changed_user": None, "changed_cipher": None}
    else:
        connection.cmd_change_user(job["other_user"], job["other_password"], job["database"] or "")
        facts["changed_user"] = as_text(one("SELECT CURRENT_USER()"))[0]
        facts["changed_cipher"] = status("Ssl_cipher")
    connection.close()
    return facts


run(driver)
