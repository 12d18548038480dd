if ! echo "SELECT 1 FROM kea.schema_version" | sql >/dev/null 2>&1; then
    echo "CREATE DATABASE kea" | sql
    sql kea </usr/share/kea/scripts/mysql/dhcpdb_create.mysql
fi
# It serves no interface; its leases are in the database all the same.
cat >"$PLACE/kea.json" <<END
{ "Dhcp4": {
    "interfaces-config": { "interfaces": [] },
    "lease-database": {
        "type": "mysql", "name": "kea", "host": "127.0.0.1", "port": $PORT,
        "user": "$DBUSER", "password": "$PASSWORD", "trust-anchor": "$CA"
    },
    "subnet4": [ { "subnet": "192.0.2.0/24" } ],
    "loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { "output": "stdout" } ] } ]
} }
END
export KEA_PIDFILE_DIR="$PLACE" KEA_LOCKFILE_DIR="$PLACE"
kea-dhcp4 -c "$PLACE/kea.json" >"$PLACE/log" 2>&1 &
await "$PLACE/log" 'DHCP4_STARTED\|DHCP4_INIT_FAIL\|DHCP4_CONFIG_LOAD_FAIL'
cat "$PLACE/log"
