compile g++ qt.cpp -I/usr/include/x86_64-linux-gnu/qt6 -I/usr/include/x86_64-linux-gnu/qt6/QtCore -lQt6Sql -lQt6Core
"$BUILT/program" "$PORT" "$DBUSER" "$PASSWORD" "$CA"
