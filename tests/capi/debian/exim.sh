useradd --system Debian-exim
cat >"$PLACE/exim.conf" <<END
exim_user = Debian-exim
exim_group = nogroup
hide mysql_servers = 127.0.0.1::$PORT/test/$DBUSER/$PASSWORD
END
# For a user who is not root, the system ignores LD_LIBRARY_PATH in this program.
test -u /usr/sbin/exim4
setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/sbin/exim4 -C "$PLACE/exim.conf" -be "\${lookup mysql{SELECT home FROM users WHERE name = 'ada'}}"
