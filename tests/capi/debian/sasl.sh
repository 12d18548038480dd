compile gcc sasl.c -lsasl2
cat >/usr/lib/sasl2/sealwire.conf <<END
pwcheck_method: auxprop
auxprop_plugin: sql
mech_list: PLAIN
sql_engine: mysql
sql_hostnames: 127.0.0.1:$PORT
sql_user: $DBUSER
sql_passwd: $PASSWORD
sql_database: test
sql_select: SELECT password FROM users WHERE name = '%u'
END
"$BUILT/program"
