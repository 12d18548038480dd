plugins=/usr/lib/nagios/plugins
"$plugins/check_mysql" -H 127.0.0.1 -P "$PORT" -u "$DBUSER" -p "$PASSWORD" -l -C "$CA"
printf '[client]\nssl-ca=%s\nssl-verify-server-cert=1\n' "$CA" >"$PLACE/my.cnf"
"$plugins/check_mysql_query" -f "$PLACE/my.cnf" -H 127.0.0.1 -P "$PORT" -u "$DBUSER" -p "$PASSWORD" -d test \
    -q "SELECT uid FROM users WHERE name = 'ada'"
