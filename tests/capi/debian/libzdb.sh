compile gcc libzdb.c -I/usr/include/zdb -lzdb
"$BUILT/program" "$PORT" "$DBUSER" "$PASSWORD"
