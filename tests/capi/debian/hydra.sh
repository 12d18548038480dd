echo "$PASSWORD" >"$PLACE/passwords"
cd "$PLACE"
hydra -I -l "$DBUSER" -P "$PLACE/passwords" -t 1 -s "$PORT" 127.0.0.1 mysql
