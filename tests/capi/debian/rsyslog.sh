echo "CREATE TABLE IF NOT EXISTS log (text VARCHAR(255)); DELETE FROM log;" | sql test
printf '[sealwire]\nssl-ca=%s\nssl-verify-server-cert=1\n' "$CA" >"$PLACE/my.cnf"
cat >"$PLACE/rsyslog.conf" <<END
module(load="/usr/lib/x86_64-linux-gnu/rsyslog/imfile.so")
module(load="/usr/lib/x86_64-linux-gnu/rsyslog/ommysql.so")
global(workDirectory="$PLACE")
template(name="line" type="string" option.sql="on" string="INSERT INTO log VALUES ('%msg%')")
input(type="imfile" file="$PLACE/input" tag="t")
action(type="ommysql" server="127.0.0.1" serverport="$PORT" db="test" uid="$DBUSER" pwd="$PASSWORD" template="line"
    mysqlconfig.file="$PLACE/my.cnf" mysqlconfig.section="sealwire")
action(type="omfile" file="$PLACE/output")
END
echo "a line of ada's" >"$PLACE/input"
rsyslogd -n -f "$PLACE/rsyslog.conf" -i "$PLACE/pid" >"$PLACE/out" 2>&1 &
server=$!
await "$PLACE/output" "a line of ada's"
kill "$server"
wait "$server" || true
echo "SELECT text FROM log" | sql -N test
