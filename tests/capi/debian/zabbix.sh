if ! echo "SELECT 1 FROM zabbix.dbversion" | sql >/dev/null 2>&1; then
    echo "CREATE DATABASE zabbix CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" | sql
    zcat /usr/share/zabbix-proxy-mysql/schema.sql.gz | sql zabbix
fi
cat >"$PLACE/zabbix.conf" <<END
Server=127.0.0.1
Hostname=sealwire
StartTrappers=0
LogType=console
PidFile=$PLACE/pid
SocketDir=$PLACE
AllowRoot=1
AllowUnsupportedDBVersions=1
DBHost=127.0.0.1
DBPort=$PORT
DBName=zabbix
DBUser=$DBUSER
DBPassword=$PASSWORD
DBTLSConnect=verify_full
DBTLSCAFile=$CA
END
zabbix_proxy -f -c "$PLACE/zabbix.conf" >"$PLACE/log" 2>&1 &
await "$PLACE/log" "current database version\|connection to database"
cat "$PLACE/log"
