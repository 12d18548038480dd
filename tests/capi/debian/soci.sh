compile g++ soci.cpp -I/usr/include/mariadb -lsoci_mysql -lsoci_core -ldl
"$BUILT/program" "$PORT" "$DBUSER" "$PASSWORD" "$CA"
