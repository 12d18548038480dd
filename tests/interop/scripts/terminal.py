"""A program at a terminal of its own. The job says what it must show, and what is typed then.

The job, JSON as the one argument: `command`, `environment` (all of it), and `steps`, each with `expect` (a text that is
waited for), `type` (a line that is typed then) and `hidden` (the line is typed when the terminal echoes no more). After
the last step the program must end by itself. Prints `shown`, all that it showed without the terminal's control
sequences, `raw`, the same to the byte (a character each), and `code`, its exit code, as JSON; what went wrong as `error`.
"""

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time

PATIENCE = 60
# Wide, so that no line is broken.
ROWS, COLUMNS = 50, 400
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|\x07")


class Terminal:
    def __init__(self, command, environment):
        self.child, self.master = pty.fork()
        if self.child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.execve(command[0], command, environment)
        self.deadline = time.monotonic() + PATIENCE
        self.raw = b""
        self.seen = 0

    def shown(self):
        text = self.raw.decode("utf-8", "replace")
        return CONTROL.sub("", text).replace("\r\n", "\n")

    def read(self):
        """Takes what the program shows next; false at its end."""
        ready, _, _ = select.select([self.master], [], [], self.deadline - time.monotonic())
        if not ready:
            raise TimeoutError(f"nothing more in {PATIENCE} s")
        try:
            more = os.read(self.master, 65536)
        except OSError:
            # What Linux says when the program has gone.
            more = b""
        self.raw += more
        return bool(more)

    def expect(self, text):
        while (at := self.shown().find(text, self.seen)) < 0:
            if not self.read():
                raise EOFError(f"the program has ended without showing {text!r}")
        self.seen = at + len(text)

    def wait_until_hidden(self):
        # No call waits for this: the attributes are looked at again and again.
        while termios.tcgetattr(self.master)[3] & termios.ECHO:
            if time.monotonic() > self.deadline:
                raise TimeoutError("the terminal goes on echoing")
            os.sched_yield()

    def type(self, line):
        os.write(self.master, line.encode() + b"\r")

    def end(self):
        while self.read():
            pass
        _, status = os.waitpid(self.child, 0)
        return os.waitstatus_to_exitcode(status)


def main():
    job = json.loads(sys.argv[1])
    terminal = Terminal(job["command"], job["environment"])
    outcome = {}
    try:
        for step in job["steps"]:
            terminal.expect(step["expect"])
            if step.get("hidden"):
                terminal.wait_until_hidden()
            if "type" in step:
                terminal.type(step["type"])
        outcome["code"] = terminal.end()
    except (EOFError, TimeoutError) as error:
        outcome["error"] = str(error)
        # The terminal goes with this process, and the program with the terminal.
        os.kill(terminal.child, 9)
        os.waitpid(terminal.child, 0)
    raw = terminal.raw.decode("latin-1")
    print(json.dumps(outcome | {"shown": terminal.shown(), "raw": raw}))


main()
