echo "DROP TABLE IF EXISTS requests" | sql test
mkdir "$PLACE/pages" "$PLACE/logs"
echo "a page" >"$PLACE/pages/of_ada"
chmod 777 "$PLACE/logs"
cat >"$PLACE/apache.conf" <<END
ServerRoot $PLACE
ServerName localhost
PidFile $PLACE/pid
ErrorLog $PLACE/log
Listen 127.0.0.1:$FREE
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule log_sql_module /usr/lib/apache2/modules/mod_log_sql.so
LoadModule log_sql_mysql_module /usr/lib/apache2/modules/mod_log_sql_mysql.so
User www-data
Group www-data
DocumentRoot $PLACE/pages
LogSQLLoginInfo mysql://$DBUSER:$PASSWORD@127.0.0.1:$PORT/test
LogSQLCreateTables on
LogSQLTransferLogTable requests
LogSQLTransferLogFormat mUSs
END
# A session of its own, because Apache ends its whole process group.
setsid apache2 -DFOREGROUND -f "$PLACE/apache.conf" &
server=$!
await "$PLACE/log" 'resuming normal operations'
/usr/bin/python3 - "$FREE" <<'END'
import http.client, sys
server = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
server.request("GET", "/of_ada")
print(server.getresponse().status)
END
# WINCH lets a request end, which is logged after its answer.
kill -WINCH "$server"
wait "$server" || true
echo "SELECT request_uri FROM requests" | sql -N test
