compile g++ cppdb.cpp -lcppdb
"$BUILT/program" "$PORT" "$DBUSER" "$PASSWORD"
