cat >"$PLACE/kamailio.cfg" <<END
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
listen=udp:127.0.0.1:$FREE
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "db_mysql.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "textops.so"
loadmodule "sqlops.so"
modparam("db_mysql", "timeout_interval", 60)
modparam("sqlops", "sqlcon", "c=>mysql://$DBUSER:$PASSWORD@127.0.0.1:$PORT/test")
request_route {
    sql_query("c", "SELECT home FROM users WHERE name = '\$rU'", "r");
    sl_send_reply("200", "\$dbr(r=>[0,0])");
}
END
kamailio -f "$PLACE/kamailio.cfg" -DD -E -m 32 -M 4 -Y "$PLACE" -P "$PLACE/pid" 2>"$PLACE/log" &
/usr/bin/python3 "$SCRIPTS/sip.py" "$FREE" &
wait -n || true
cat "$PLACE/log" >&2
