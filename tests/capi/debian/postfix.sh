cp /usr/share/postfix/main.cf.debian "$PLACE/main.cf"
cp /usr/share/postfix/dynamicmaps.cf /etc/postfix/dynamicmaps.cf
useradd --system postfix
groupadd --system postdrop
cat >"$PLACE/users.cf" <<END
hosts = inet:127.0.0.1:$PORT
user = $DBUSER
password = $PASSWORD
dbname = test
tls_CAfile = $CA
tls_verify_cert = yes
query = SELECT home FROM users WHERE name = '%s'
END
postmap -c "$PLACE" -q ada "mysql:$PLACE/users.cf"
