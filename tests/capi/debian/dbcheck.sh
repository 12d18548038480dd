{
    echo "DROP DATABASE IF EXISTS bacula; CREATE DATABASE bacula;"
    sed '1,/END-OF-DATA/d; /^END-OF-DATA/,$d' /usr/share/bacula-director/make_mysql_tables | sed 's/USE .*/USE bacula;/; s/\\`/`/g'
} | sql
cat >"$PLACE/bacula-dir.conf" <<END
Director {
  Name = sealwire-dir
  QueryFile = /etc/bacula/query.sql
  WorkingDirectory = $PLACE
  PidDirectory = $PLACE
  Password = x
  Messages = Standard
}
Messages {
  Name = Standard
  stdout = all
}
Catalog {
  Name = MyCatalog
  dbname = bacula
  dbuser = $DBUSER
  dbpassword = $PASSWORD
  DB Address = 127.0.0.1
  DB Port = $PORT
  dbsslca = $CA
}
END
dbcheck -b -v -c "$PLACE/bacula-dir.conf"
