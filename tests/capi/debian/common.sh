# Functions for the scripts beside this file. Each runs as root in a mount and process namespace of its own, in which Debian's packages lie
# over /usr, /etc and /var, and libmariadb.so.3 is ours. All processes of a script end with its namespace.
# Set: PORT, DBUSER and PASSWORD, by which the program reaches the server; CA, the file in which it has to trust; FREE, a free port;
# PLACE, a folder for files; BUILT, a folder for compiled programs, which all runs of a test share; SCRIPTS, this folder; SERVER and SERVER_CA,
# by which MariaDB's own client reaches the server.

# Waits until a line of a file has this text. It ends with the namespace, or with the harness's time limit. Afterwards $! is the process of
# its tail, so a script keeps the number of its own server before.
await() {
    touch "$1"
    grep -q -m1 -e "$2" <(exec tail -n +1 -F "$1" 2>/dev/null)
}

# Compiles a program beside this file, once for all runs of a test.
compile() {
    [ -e "$BUILT/program" ] || "$1" -fPIC -w -o "$BUILT/program" "$SCRIPTS/$2" "${@:3}"
}

# Gives statements to the server by MariaDB's own client, to make the tables of a program.
sql() {
    mariadb --no-defaults -h127.0.0.1 -P"$SERVER" -u"$DBUSER" -p"$PASSWORD" --ssl-ca="$SERVER_CA" --ssl-verify-server-cert "$@"
}
