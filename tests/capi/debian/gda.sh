export HOME="$PLACE"
echo "SELECT home FROM users WHERE name = 'ada';" |
    gda-sql-5.0 "MySQL://$DBUSER:$PASSWORD@DB_NAME=test;HOST=127.0.0.1;PORT=$PORT"
