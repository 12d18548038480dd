{
    echo "DROP DATABASE IF EXISTS pdns; CREATE DATABASE pdns; USE pdns;"
    cat /usr/share/pdns-backend-mysql/schema/schema.mysql.sql
    echo "INSERT INTO domains (name, type) VALUES ('example.org', 'NATIVE');"
    echo "INSERT INTO records (domain_id, name, type, content, ttl) VALUES (1, 'ada.example.org', 'A', '192.0.2.1', 60);"
} | sql
cat >"$PLACE/pdns.conf" <<END
launch=gmysql
module-dir=/usr/lib/x86_64-linux-gnu/pdns
gmysql-host=127.0.0.1
gmysql-port=$PORT
gmysql-dbname=pdns
gmysql-user=$DBUSER
gmysql-password=$PASSWORD
gmysql-ssl=yes
END
pdnsutil --config-dir="$PLACE" list-zone example.org
