/usr/bin/python3 "$SCRIPTS/qt5.py" "$PORT" "$DBUSER" "$PASSWORD" "$CA"
