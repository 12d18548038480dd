cat >"$PLACE/lighttpd.conf" <<END
server.document-root = "/nonexistent"
server.bind = "127.0.0.1"
server.port = $FREE
server.errorlog = "$PLACE/log"
server.modules = ( "mod_vhostdb", "mod_vhostdb_mysql" )
vhostdb.backend = "mysql"
vhostdb.mysql = (
    "host" => "127.0.0.1", "port" => "$PORT", "dbname" => "test", "user" => "$DBUSER", "password" => "$PASSWORD",
    "sql" => "SELECT home FROM users WHERE name = '?'"
)
END
lighttpd -D -f "$PLACE/lighttpd.conf" &
await "$PLACE/log" 'server started'
/usr/bin/python3 - "$FREE" <<'END'
import http.client, sys
server = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
server.request("GET", "/postfix/main.cf.debian", headers={"Host": "ada"})
print(server.getresponse().status)
END
