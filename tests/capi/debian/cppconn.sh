compile g++ cppconn.cpp -lmysqlcppconn
"$BUILT/program" "$PORT" "$DBUSER" "$PASSWORD" "$CA"
