if ! echo "SELECT 1 FROM icinga.icinga_dbversion" | sql >/dev/null 2>&1; then
    echo "CREATE DATABASE icinga" | sql
    sql icinga </usr/share/icinga2-ido-mysql/schema/mysql.sql
fi
mkdir -p "$PLACE/lib" "$PLACE/log" "$PLACE/cache" "$PLACE/spool" /run/icinga2
cat >"$PLACE/icinga2.conf" <<END
const NodeName = "sealwire"
const ZoneName = "sealwire"
object Endpoint "sealwire" { }
object Zone "sealwire" { endpoints = [ "sealwire" ] }
library "db_ido_mysql"
object IdoMysqlConnection "ido" {
  host = "127.0.0.1"
  port = $PORT
  user = "$DBUSER"
  password = "$PASSWORD"
  database = "icinga"
  enable_ssl = true
  ssl_ca = "$CA"
}
END
icinga2 daemon -c "$PLACE/icinga2.conf" -x information -DDataDir="$PLACE/lib" -DLogDir="$PLACE/log" -DCacheDir="$PLACE/cache" -DSpoolDir="$PLACE/spool" \
    -DConfigDir="$PLACE" -DRunAsUser=root -DRunAsGroup=root >"$PLACE/out" 2>&1 &
await "$PLACE/out" 'MySQL IDO instance id\|onnection to database .* failed\|critical'
cat "$PLACE/out"
