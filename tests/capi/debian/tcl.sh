tclsh - <<END
package require mysqltcl
set handle [mysql::connect -host 127.0.0.1 -port $PORT -user $DBUSER -password $PASSWORD -db test -ssl 1 -sslca $CA]
puts [mysql::sel \$handle "SELECT home FROM users WHERE name = 'ada'" -flatlist]
END
