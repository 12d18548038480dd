compile gcc aprutil.c -D_GNU_SOURCE -I/usr/include/apr-1.0 -laprutil-1 -lapr-1
"$BUILT/program" "$PORT" "$DBUSER" "$PASSWORD"
