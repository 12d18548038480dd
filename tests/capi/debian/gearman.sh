gearmand --listen=127.0.0.1 --port="$FREE" --queue-type=mysql --mysql-host=127.0.0.1 --mysql-port="$PORT" --mysql-user="$DBUSER" \
    --mysql-password="$PASSWORD" --mysql-db=test --mysql-table=jobs --log-file=stderr --verbose=INFO >"$PLACE/log" 2>&1 &
await "$PLACE/log" 'Listening on\|Accepted\|rror'
cat "$PLACE/log"
gearman -h 127.0.0.1 -p "$FREE" -f work -b "a job of ada's" || true
echo "SELECT data FROM jobs" | sql -N test
echo "DROP TABLE jobs" | sql test
