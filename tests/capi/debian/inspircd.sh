cat >"$PLACE/inspircd.conf" <<END
<server name="irc.example.org" description="of Ada" network="Ada">
<admin name="Ada" nick="ada" email="ada@example.org">
<bind address="127.0.0.1" port="$FREE" type="clients">
<connect allow="*" timeout="30" useident="no" resolvehostnames="no">
<log method="file" level="default" type="*" target="$PLACE/log">
<pid file="$PLACE/pid">
<path datadir="$PLACE" logdir="$PLACE">
<options casemapping="ascii">
<module name="mysql">
<database module="mysql" id="users" host="127.0.0.1" port="$PORT" name="test" user="$DBUSER" pass="$PASSWORD">
<module name="sqlauth">
<sqlauth dbid="users" killreason="unknown" verbose="yes" query="SELECT home FROM users WHERE name = '\$nick' AND password = '\$pass'">
END
inspircd --runasroot --nofork --config="$PLACE/inspircd.conf" >"$PLACE/out" 2>&1 &
await "$PLACE/out" 'is now running'
/usr/bin/python3 - "$FREE" <<'END'
import socket, sys
irc = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
irc.sendall(b"PASS sesame\r\nNICK ada\r\nUSER ada 0 * :Ada\r\n")
for line in irc.makefile("rb"):
    if line.startswith((b"PING", b"ERROR")) or b" 001 " in line:
        print(line.decode().strip())
        if not line.startswith(b"PING"):
            break
        irc.sendall(b"PONG" + line[4:])
END
