useradd --system dovecot
useradd --system dovenull
cat >"$PLACE/sql.conf" <<END
driver = mysql
connect = host=127.0.0.1 port=$PORT dbname=test user=$DBUSER password=$PASSWORD ssl_ca=$CA ssl_verify_server_cert=yes
default_pass_scheme = PLAIN
password_query = SELECT name AS user, password FROM users WHERE name = '%u'
END
cat >"$PLACE/dovecot.conf" <<END
base_dir = /run/dovecot
log_path = $PLACE/log
protocols =
ssl = no
passdb {
  driver = sql
  args = $PLACE/sql.conf
}
END
dovecot -F -c "$PLACE/dovecot.conf" &
await "$PLACE/log" 'starting up'
doveadm -c "$PLACE/dovecot.conf" auth test ada sesame
