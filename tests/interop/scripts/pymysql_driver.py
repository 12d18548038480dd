"""PyMySQL. It has no prepared statements and no COM_CHANGE_USER: parameters go into the text."""

import pymysql
from job import GREETING, TEXT, as_bytes, as_text, big_value, load_file, run, ssl_context


def driver(job):
    tls = job.get("tls")
    connection = pymysql.connect(
        host=job["host"],
        port=job["port"],
        user=job["user"],
        # As text it would go out in Latin-1.
        password=job["password"].encode(),
        database=job["database"],
        charset="utf8mb4",
        max_allowed_packet=64 * 1024 * 1024,
        ssl=ssl_context(tls) if tls else None,
        ssl_disabled=not tls,
        local_infile=bool(job.get("infile")),
    )

    def one(sql, arguments=None):
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchone()

    big = big_value(job).decode()
    facts = {
        "driver": "pymysql",
        "ssl_cipher": one("SHOW STATUS LIKE 'Ssl_cipher'")[1],
        "ssl_version": one("SHOW STATUS LIKE 'Ssl_version'")[1],
        "user": one("SELECT CURRENT_USER()")[0],
        "database": one("SELECT DATABASE()")[0],
        "text": as_text(one(TEXT)),
        "prepared": as_text(one("SELECT %s + 2 AS sum, %s AS text, %s AS nothing", (40, GREETING, None))),
        "big_up": one("SELECT LENGTH(%s)", (big,))[0],
        "big_intact": as_bytes(one("SELECT %s", (big,))[0]) == big.encode(),
        "changed_user": None,
        "changed_cipher": None,
    }
    load_file(job, facts, one)
    connection.ping(reconnect=False)
    connection.close()
    return facts


run(driver)
