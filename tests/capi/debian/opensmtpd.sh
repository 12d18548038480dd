cat >"$PLACE/table.conf" <<END
host 127.0.0.1
username $DBUSER
password $PASSWORD
database test
query_userinfo SELECT uid, gid, home FROM users WHERE name=?
END
# The configuration has no word for the port.
export MYSQL_TCP_PORT="$PORT"
/usr/bin/python3 "$SCRIPTS/smtpd_table.py" "/usr/libexec/opensmtpd/table-mysql $PLACE/table.conf" ada
