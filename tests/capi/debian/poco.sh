compile g++ poco.cpp -lPocoDataMySQL -lPocoData -lPocoFoundation
"$BUILT/program" "$PORT" "$DBUSER" "$PASSWORD" "$CA"
