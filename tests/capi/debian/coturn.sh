{
    echo "DROP DATABASE IF EXISTS coturn; CREATE DATABASE coturn; USE coturn;"
    cat /usr/share/coturn/schema.sql
    echo "INSERT INTO turnusers_lt VALUES ('example.org', 'ada', 'x');"
} | sql
turnadmin -l -M "host=127.0.0.1 port=$PORT dbname=coturn user=$DBUSER password=$PASSWORD ca=$CA"
