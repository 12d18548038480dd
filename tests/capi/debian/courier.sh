useradd --system courier
mkdir -p /run/courier/authdaemon
cat >/etc/courier/authmysqlrc <<END
##NAME: MARKER:0
MYSQL_SERVER 127.0.0.1
MYSQL_PORT $PORT
MYSQL_USERNAME $DBUSER
MYSQL_PASSWORD $PASSWORD
MYSQL_SSL_CACERT $CA
MYSQL_OPT 0
MYSQL_DATABASE test
MYSQL_USER_TABLE users
MYSQL_CLEAR_PWFIELD password
MYSQL_LOGIN_FIELD name
MYSQL_UID_FIELD uid
MYSQL_GID_FIELD gid
MYSQL_HOME_FIELD home
END
cat >/etc/courier/authdaemonrc <<END
authmodulelist="authmysql"
authmodulelistorig="authmysql"
daemons=1
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=1
END
/usr/lib/courier/courier-authlib/authdaemond >"$PLACE/log" 2>&1 &
# It tells nothing once it has made the socket.
until [ -S /run/courier/authdaemon/socket ]; do kill -0 $!; done
authtest ada sesame
