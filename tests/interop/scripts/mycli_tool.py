"""mycli, told by option and by standard input what to run."""

import csv
import os
import subprocess
import sys
import tempfile

from job import run


def tool(job):
    with tempfile.TemporaryDirectory() as home:
        # No file of the user's own takes part.
        configuration = os.path.join(home, "myclirc")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write("[main]\n")
        command = [os.path.join(os.path.dirname(sys.executable), "mycli"), "--myclirc", configuration]
        command += ["--host", job["host"], "--port", str(job["port"]), "--user", job["user"]]
        command += ["--password", job["password"], "--database", job["database"], "--csv"]
        command += ["--ssl-mode", "on", "--ssl-ca", job["ca"], "--ssl-verify-server-cert"]
        environment = {"HOME": home, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "dumb"}

        def results(sql, by_option):
            arguments = ["--execute", sql] if by_option else []
            given = None if by_option else sql
            done = subprocess.run(
                command + arguments,
                input=given,
                stdin=subprocess.DEVNULL if by_option else None,
                capture_output=True,
                text=True,
                env=environment,
                timeout=60,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(done.stderr.strip() or done.stdout.strip())
            return list(csv.reader(done.stdout.splitlines()))

        status = dict(row[:2] for row in results("SHOW STATUS LIKE 'Ssl\\_%'", True)[1:])
        tables = [row[0] for row in results("SHOW TABLES", True)[1:]]
        given = results("SELECT id, name, price, made, active FROM item ORDER BY id;\n", False)
        rows = [[int(row[0]), row[1], row[2] or None, row[3] or None, row[4] == "1"] for row in given if row[0].isdigit()]
        count = results("SELECT COUNT(*) AS n FROM item", True)[1][0]
        described = results("DESCRIBE item", True)
        return {
            "ssl_cipher": status["Ssl_cipher"],
            "ssl_version": status["Ssl_version"],
            "tables": tables,
            "rows": rows,
            "count": int(count),
            "extra": [row[0] for row in described[1:]],
        }


run(tool)
