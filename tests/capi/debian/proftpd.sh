useradd --system proftpd
cat >"$PLACE/proftpd.conf" <<END
ServerType standalone
ServerName sealwire
Port $FREE
DefaultAddress 127.0.0.1
User nobody
Group nogroup
UseReverseDNS off
UseIPv6 off
RequireValidShell off
DefaultRoot ~
ModulePath /usr/lib/proftpd
LoadModule mod_sql.c
LoadModule mod_sql_mysql.c
AuthOrder mod_sql.c
SQLBackend mysql
SQLAuthTypes Plaintext
SQLConnectInfo test@127.0.0.1:$PORT $DBUSER $PASSWORD ssl-ca:$CA
SQLAuthenticate users
SQLUserInfo users name password uid gid home shell
SQLMinUserUID 1
SQLMinUserGID 1
SystemLog $PLACE/log
PidFile $PLACE/pid
ScoreboardFile $PLACE/scoreboard
END
proftpd -n -c "$PLACE/proftpd.conf" >"$PLACE/out" 2>&1 &
await "$PLACE/out" 'standalone mode STARTUP'
/usr/bin/python3 "$SCRIPTS/ftp.py" "$FREE"
