echo "DROP TABLE IF EXISTS packets; CREATE TABLE packets (id INT AUTO_INCREMENT PRIMARY KEY, udp_sport INT, udp_dport INT)" | sql test
plugins=/usr/lib/x86_64-linux-gnu/ulogd
cat >"$PLACE/ulogd.conf" <<END
[global]
logfile="$PLACE/log"
loglevel=1
plugin="$plugins/ulogd_inppkt_UNIXSOCK.so"
plugin="$plugins/ulogd_raw2packet_BASE.so"
plugin="$plugins/ulogd_output_MYSQL.so"
stack=packets:UNIXSOCK,base:BASE,table:MYSQL
[packets]
socket_path="$PLACE/socket"
[table]
db="test"
host="127.0.0.1"
port=$PORT
user="$DBUSER"
pass="$PASSWORD"
table="packets"
procedure="INSERT"
END
ulogd -c "$PLACE/ulogd.conf" &
server=$!
await "$PLACE/log" 'entering main loop\|error in open_db'
/usr/bin/python3 - "$PLACE/socket" <<'END'
import socket, struct, sys
address = socket.inet_aton("192.0.2.1")
packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 17, 0, address, address) + struct.pack("!HHHH", 1234, 4321, 8, 0)
ulogd = socket.socket(socket.AF_UNIX)
ulogd.connect(sys.argv[1])
# The length of what follows the mark, without the length itself.
ulogd.sendall(struct.pack("!IHIH", 0x41C90FD4, len(packet) + 8, 0, len(packet)) + packet)
ulogd.shutdown(socket.SHUT_WR)
END
await "$PLACE/log" 'client disconnected'
kill "$server"
wait "$server" || true
echo "SELECT udp_sport, udp_dport FROM packets" | sql -N test
