sql test <<END
DROP TABLE IF EXISTS version, settings;
CREATE TABLE version (cacti CHAR(20));
INSERT INTO version VALUES ('1.2.24');
CREATE TABLE settings (name VARCHAR(75) PRIMARY KEY, value VARCHAR(4096));
INSERT INTO settings VALUES ('path_webroot', '/usr/share/cacti'), ('ping_timeout', '4321');
END
cat >"$PLACE/spine.conf" <<END
DB_Host 127.0.0.1
DB_Port $PORT
DB_Database test
DB_User $DBUSER
DB_Pass $PASSWORD
END
# It ends where it finds no table of devices.
spine --conf="$PLACE/spine.conf" --stdout --verbosity=5 1 1 || true
