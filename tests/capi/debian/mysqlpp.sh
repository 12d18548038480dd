compile g++ mysqlpp.cpp -I/usr/include/mysql++ -I/usr/include/mariadb -lmysqlpp
"$BUILT/program" "$PORT" "$DBUSER" "$PASSWORD" "$CA"
