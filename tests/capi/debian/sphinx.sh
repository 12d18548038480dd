cat >"$PLACE/sphinx.conf" <<END
source users
{
    type = mysql
    sql_host = 127.0.0.1
    sql_port = $PORT
    sql_user = $DBUSER
    sql_pass = $PASSWORD
    sql_db = test
    mysql_ssl_ca = $CA
    sql_query = SELECT uid, name, home FROM users
}
index users
{
    source = users
    path = $PLACE/users
}
END
indexer --config "$PLACE/sphinx.conf" users
