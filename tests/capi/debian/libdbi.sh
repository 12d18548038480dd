compile gcc libdbi.c -ldbi
"$BUILT/program" "$PORT" "$DBUSER" "$PASSWORD"
