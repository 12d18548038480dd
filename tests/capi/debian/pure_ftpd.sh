cat >"$PLACE/mysql.conf" <<END
MYSQLServer 127.0.0.1
MYSQLPort $PORT
MYSQLUser $DBUSER
MYSQLPassword $PASSWORD
MYSQLDatabase test
MYSQLCrypt cleartext
MYSQLGetPW SELECT password FROM users WHERE name = "\L"
MYSQLGetUID SELECT uid FROM users WHERE name = "\L"
MYSQLGetGID SELECT gid FROM users WHERE name = "\L"
MYSQLGetDir SELECT home FROM users WHERE name = "\L"
END
/usr/sbin/pure-ftpd-mysql -S "127.0.0.1,$FREE" -H -g "$PLACE/pid" -l "mysql:$PLACE/mysql.conf" &
await "$PLACE/pid" .
/usr/bin/python3 "$SCRIPTS/ftp.py" "$FREE"
